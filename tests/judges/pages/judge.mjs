// Judges files by their ends: a page (.html) by html-validate and, in a browser, by axe, in light and dark, wide and narrow; a flowchart
// (.mmd) by Mermaid itself; a picture (.svg) by the browser's reader of XML. Prints what is found, a line each; nothing where all is well.
import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { HtmlValidate } from "html-validate";
import puppeteer from "puppeteer-core";

const require = createRequire(import.meta.url);
const files = process.argv.slice(2).map((file) => resolve(file));
const found = [];
const validator = new HtmlValidate({ extends: ["html-validate:recommended", "html-validate:a11y"], rules: { "tel-non-breaking": "off" } });
const browser = await puppeteer.launch({
  executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
  // Root has no sandbox of its own, and the pages have no script.
  args: ["--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"],
});

async function judgePage(file) {
  const report = validator.validateStringSync(readFileSync(file, "utf8"), file);
  for (const message of report.results.flatMap((result) => result.messages)) {
    found.push(`${file}:${message.line}:${message.column}: ${message.ruleId}: ${message.message}`);
  }
  for (const width of [1280, 390]) {
    for (const scheme of ["light", "dark"]) {
      const page = await browser.newPage();
      const asked = [];
      page.on("request", (request) => asked.push(request.url()));
      page.on("console", (message) => found.push(`${file}: the browser says ${message.text()}`));
      await page.setViewport({ width, height: 900 });
      await page.emulateMediaFeatures([{ name: "prefers-color-scheme", value: scheme }]);
      await page.goto(pathToFileURL(file).href);
      for (const url of asked.slice(1)) found.push(`${file}: it loads ${url}`);
      const at = `${file}, ${width} wide, ${scheme}`;
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - window.innerWidth);
      if (wide > 0) found.push(`${at}: it is ${wide} pixels wider than the screen`);
      for (const overlap of await page.evaluate(overlaps)) found.push(`${at}: ${overlap}`);
      const dead = await page.evaluate(() =>
        [...document.querySelectorAll("a[href^='#']")].map((a) => a.getAttribute("href")).filter((href) => !document.getElementById(href.slice(1))));
      for (const href of dead) found.push(`${at}: ${href} leads nowhere`);
      await page.setBypassCSP(true);
      await page.evaluate(readFileSync(require.resolve("axe-core/axe.min.js"), "utf8"));
      const { violations } = await page.evaluate(() => axe.run(document, { resultTypes: ["violations"] }));
      for (const violation of violations) {
        for (const node of violation.nodes.slice(0, 3)) found.push(`${at}: ${violation.id}: ${violation.help}: ${node.html.slice(0, 160)}`);
      }
      await page.close();
    }
  }
}

// In the browser: which texts of the picture lie on each other, or leave it.
function overlaps() {
  const texts = [...document.querySelectorAll("svg.picture text")].map((text) => [text.textContent, text.getBoundingClientRect()]);
  const picture = document.querySelector("svg.picture")?.getBoundingClientRect();
  const all = [];
  texts.forEach(([one, a], index) => {
    if (a.right > picture.right + 1 || a.left < picture.left - 1) all.push(`"${one}" leaves the picture`);
    for (const [other, b] of texts.slice(index + 1)) {
      if (a.left < b.right - 1 && b.left < a.right - 1 && a.top < b.bottom - 2 && b.top < a.bottom - 2) all.push(`"${one}" lies on "${other}"`);
    }
  });
  return all;
}

async function judgeFlowchart(file) {
  const page = await browser.newPage();
  await page.evaluate(readFileSync(require.resolve("mermaid/dist/mermaid.min.js"), "utf8"));
  const said = await page.evaluate(async (text) => {
    try {
      await mermaid.parse(text);
      const { svg } = await mermaid.render("drawn", text);
      return svg.includes("<svg") ? "" : "nothing is drawn";
    } catch (error) {
      return String(error.message ?? error);
    }
  }, readFileSync(file, "utf8"));
  if (said) found.push(`${file}: Mermaid says ${said}`);
  await page.close();
}

async function judgePicture(file) {
  const page = await browser.newPage();
  await page.goto(pathToFileURL(file).href);
  const root = await page.evaluate(() => document.querySelector("parsererror")?.textContent ?? document.documentElement.localName);
  if (root !== "svg") found.push(`${file}: ${root}`);
  for (const overlap of await page.evaluate(overlaps)) found.push(`${file}: ${overlap}`);
  await page.close();
}

for (const file of files) {
  const judge = { html: judgePage, mmd: judgeFlowchart, svg: judgePicture }[file.split(".").pop()];
  await judge(file);
}
await browser.close();
console.log(found.join("\n"));
process.exit(found.length === 0 ? 0 : 1);
