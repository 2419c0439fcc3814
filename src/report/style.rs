//! How the page and the picture look: light and dark, on a screen and on paper. No colour says alone what it says.

/// The colours of the picture; those of the page are the same.
pub(super) const PICTURE_VARIABLES: &str = ":root{color-scheme:light dark;--sheet:#fff;--panel:#f6f7f9;--ink:#1b2128;--muted:#56606b;\
--rule:#d3d9df;--accent:#1f5fa8;--holds:#1c7440;--broken:#b3261e;--unasked:#875600;--unknown:#56606b}
@media (prefers-color-scheme:dark){:root{--sheet:#13171c;--panel:#1b2129;--ink:#e4e8ed;--muted:#a3adb8;--rule:#38414b;\
--accent:#7fb4f0;--holds:#5fc583;--broken:#ff8f85;--unasked:#e2b052;--unknown:#a3adb8}}
@media print{:root{color-scheme:light;--sheet:#fff;--panel:#fff;--ink:#000;--muted:#444;--rule:#bbb;--accent:#000;--holds:#14572f;\
--broken:#9c1a13;--unasked:#6b4400;--unknown:#444}}
";

pub(super) const PICTURE_STYLE: &str = ".picture{font:12px ui-monospace,\"DejaVu Sans Mono\",Menlo,Consolas,monospace}
.picture text{fill:var(--ink);white-space:pre}
.picture .sheet{fill:var(--sheet)}
.picture .heading{font-size:16px;font-weight:600}
.picture .box{fill:var(--panel);stroke:var(--rule)}
.picture .title{font-size:13px;font-weight:600}
.picture .roles{fill:var(--muted)}
.picture .rule{stroke:var(--rule)}
.picture .line{fill:none;stroke-width:1.5}
.picture .holds .line{stroke:var(--holds)}
.picture .holds .head{fill:var(--holds)}
.picture .unasked .line{stroke:var(--unasked);stroke-dasharray:2 4}
.picture .unasked .head{fill:var(--unasked)}
.picture .unknown .line{stroke:var(--unknown);stroke-dasharray:1 5}
.picture .unknown .head{fill:var(--unknown)}
.picture .broken .line{stroke:var(--broken);stroke-width:2.5;stroke-dasharray:8 4}
.picture .broken .head{fill:var(--broken)}
.picture .number{fill:var(--sheet);stroke:var(--holds)}
.picture .unasked .number{stroke:var(--unasked)}
.picture .unknown .number{stroke:var(--unknown)}
.picture .broken .number{fill:var(--broken);stroke:var(--broken)}
.picture .digits{font-size:11px;text-anchor:middle}
.picture .broken .digits{fill:var(--sheet);font-weight:700}
.picture a:focus-visible .number{stroke:var(--accent);stroke-width:3}
";

pub(super) const PAGE_STYLE: &str = "*{box-sizing:border-box}
html{scroll-padding-top:1rem}
body{margin:0;background:var(--sheet);color:var(--ink);font:15px/1.5 system-ui,-apple-system,\"Segoe UI\",\"DejaVu Sans\",sans-serif;\
overflow-wrap:break-word}
header,main,footer{max-width:1216px;margin:0 auto;padding:0 20px}
header{padding-top:28px}
h1{font-size:1.6rem;line-height:1.25;margin:0 0 .25rem}
h2{font-size:1.2rem;line-height:1.3;margin:2.75rem 0 .5rem;padding-top:.75rem;border-top:1px solid var(--rule)}
h3{font-size:1rem;margin:1.75rem 0 .4rem}
p,ul,ol{margin:.4rem 0}
ul,ol{padding-left:1.3rem}
p,.prose li{max-width:80ch}
p.wide{max-width:none}
a{color:var(--accent)}
code,pre,.path,.print{font:.86em/1.5 ui-monospace,\"DejaVu Sans Mono\",Menlo,Consolas,monospace}
pre{background:var(--panel);border:1px solid var(--rule);border-radius:4px;padding:.6rem .8rem;overflow-x:auto;margin:.4rem 0}
.lead{color:var(--muted)}
.muted{color:var(--muted)}
.small{font-size:.86em}
nav ul{list-style:none;padding:0;display:flex;flex-wrap:wrap;gap:.25rem 1.1rem;margin:1rem 0}
.verdict{border:1px solid var(--rule);border-left:4px solid var(--holds);background:var(--panel);padding:.7rem 1rem;margin:1rem 0}
.verdict.broken{border-left-color:var(--broken)}
.verdict p{margin:.15rem 0}
.scroll{overflow-x:auto;margin:.75rem 0;border:1px solid var(--rule);border-radius:4px}
.scroll:focus-visible{outline:2px solid var(--accent);outline-offset:2px}
.scroll.drawing{padding:8px;background:var(--sheet)}
.scroll.drawing svg{display:block;margin:0 auto;max-width:none}
table{border-collapse:collapse;width:100%;font-size:.9rem}
caption{text-align:left;color:var(--muted);padding:.5rem .7rem}
th,td{text-align:left;vertical-align:top;padding:.4rem .7rem;border-top:1px solid var(--rule)}
thead th{font-weight:600;background:var(--panel);border-top:1px solid var(--rule)}
tbody th{font-weight:400}
td.count,th.count{text-align:right;font-variant-numeric:tabular-nums;white-space:nowrap}
td.count .names{white-space:normal;text-align:left;max-width:22rem}
td.date{white-space:nowrap;font-variant-numeric:tabular-nums}
.nowrap{white-space:nowrap}
.matrix td,.matrix thead th{text-align:center;white-space:nowrap}
.matrix thead th:first-child,.matrix thead th:last-child,.matrix td.kind{text-align:left}
.matrix tbody th{position:sticky;left:0;background:var(--sheet);min-width:14rem;max-width:26rem}
.matrix .secret{font-weight:700}
.matrix .none,.matrix .rest{color:var(--muted);font-weight:400}
.matrix .rest{font-size:.86em}
.folder th{background:var(--panel);color:var(--muted);font-weight:600}
.connections td{min-width:8.5rem}
.connections td:first-child{min-width:0}
.connections td:nth-child(5){min-width:6.2rem}
.connections td:nth-child(n+6){min-width:13rem}
.connections strong{white-space:nowrap}
.told caption{position:absolute;width:1px;height:1px;overflow:hidden;clip-path:inset(50%);padding:0}
.told{position:relative}
.phases th:first-child{width:6.5rem}
.phases th:nth-child(2),.phases th:nth-child(3),.phases th:nth-child(4){width:31%;min-width:14rem}
.phases td{min-width:14rem}
.secrets th:first-child{width:34%;min-width:14rem}
.secrets td:last-child{min-width:16rem}
.connections td div+div{margin-top:.2rem}
.state{font-weight:600;white-space:nowrap}
.state.holds{color:var(--holds)}
.state.broken{color:var(--broken)}
.state.unasked{color:var(--unasked)}
.state.unknown{color:var(--unknown)}
tr:target>*,li:target{background:var(--panel);box-shadow:inset 3px 0 0 var(--accent)}
.findings{list-style:none;padding:0}
.findings>li{border:1px solid var(--rule);border-left:4px solid var(--broken);border-radius:4px;padding:.5rem .9rem;margin:.6rem 0}
.findings>li.warning{border-left-color:var(--unasked)}
.tree{list-style:none;padding-left:0}
.tree ul{list-style:none;padding-left:1.1rem;margin-left:.35rem;border-left:1px solid var(--rule)}
.tree li{padding:.2rem 0}
.print{color:var(--muted);overflow-wrap:anywhere}
details{margin:.2rem 0}
summary{cursor:pointer}
.bar{display:block}
.bar .life{fill:var(--rule)}
.bar .left{fill:var(--holds)}
.bar .soon{fill:var(--broken)}
.bar .now{stroke:var(--ink);stroke-width:1.5}
.bar .renew{stroke:var(--unasked);stroke-width:2}
.bar .tick{stroke:var(--rule)}
.bar text{fill:var(--muted);font-size:11px;text-anchor:middle}
footer{color:var(--muted);margin-top:3rem;padding-bottom:2rem;font-size:.86rem}
@media (max-width:640px){header,main,footer{padding:0 14px}header{padding-top:18px}h1{font-size:1.35rem}\
.matrix tbody th{min-width:10.5rem;max-width:12rem;overflow-wrap:anywhere}}
@media print{body{font-size:10pt}header,main,footer{max-width:none;padding:0}nav{display:none}h2{break-after:avoid}h3{break-after:avoid}\
.scroll{overflow:visible;border:0}.scroll.drawing svg{width:100%;height:auto}tr,li{break-inside:avoid}.matrix tbody th{position:static}\
table{font-size:8pt}th,td{padding:2pt 4pt}.told th:nth-child(n),.told td:nth-child(n),.connections td:nth-child(n){min-width:0;width:auto}\
.connections strong,.nowrap,.matrix td,.matrix thead th{white-space:normal}.path{overflow-wrap:anywhere}.bar{width:150px}}
";
