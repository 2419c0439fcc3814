"""Reads systemd unit files the way systemd does, as far as services of a bundle need it (systemd.syntax(7),
systemd.service(5), systemd.exec(5)). What it does not know it refuses or names: a unit that only works because this
reader is lenient would be a unit that fails on a real host."""

import os
import re
import shlex

# Where a unit is looked for, the strongest first (systemd.unit(5)).
FOLDERS = ["/etc/systemd/system", "/run/systemd/system", "/usr/local/lib/systemd/system", "/usr/lib/systemd/system"]

# Settings of [Service] that boot.py carries out.
CARRIED_OUT = {
    "Type", "ExecStart", "ExecStartPre", "ExecStartPost", "ExecStop", "ExecStopPost", "Environment", "EnvironmentFile",
    "Restart", "RestartSec", "RemainAfterExit", "PIDFile", "WorkingDirectory", "UMask", "User", "Group", "KillMode",
    "StateDirectory", "StateDirectoryMode", "RuntimeDirectory", "RuntimeDirectoryMode", "LogsDirectory",
    "LogsDirectoryMode", "ConfigurationDirectory", "ConfigurationDirectoryMode", "SuccessExitStatus",
    "StartLimitIntervalSec", "StartLimitBurst",
}
# Settings that make no difference to what is tested.
WITHOUT_EFFECT = {
    "TimeoutStartSec", "TimeoutStopSec", "TimeoutSec", "ExecReload", "NotifyAccess", "SyslogIdentifier", "StandardOutput",
    "StandardError", "Delegate", "Slice", "CPUAccounting", "MemoryAccounting", "TasksMax", "OOMScoreAdjust", "Nice",
    "LimitNOFILE", "LimitNPROC", "LimitCORE", "LimitMEMLOCK", "IOSchedulingClass", "IOSchedulingPriority", "OOMPolicy",
    "BindReadOnlyPaths", "RestartPreventExitStatus", "KillSignal", "SendSIGKILL",
}


class UnitError(Exception):
    pass


class Unit:
    """The settings of a unit file and its drop-ins: section -> key -> values, in order."""

    def __init__(self, name, files):
        """`files` are the texts in the order in which systemd reads them: the unit, then its drop-ins."""
        self.name = name
        self.settings = {}
        for text in files:
            self._read(text)

    def _read(self, text):
        section = None
        for number, line in logical_lines(text):
            if match := re.fullmatch(r"\[([^\]]+)\]", line):
                section = self.settings.setdefault(match.group(1), {})
            elif section is None or "=" not in line:
                raise UnitError(f"{self.name}:{number}: neither a section nor a setting: {line!r}")
            else:
                key, value = (part.strip() for part in line.split("=", 1))
                if value:
                    section.setdefault(key, []).append(value)
                else:  # an empty assignment takes back what was assigned before
                    section[key] = []

    def all(self, key, section="Service"):
        return self.settings.get(section, {}).get(key, [])

    def last(self, key, default=None, section="Service"):
        return (self.all(key, section) or [default])[-1]

    def words(self, key, section="Service"):
        """Every word of a setting that is a list of names, such as After=."""
        return [word for value in self.all(key, section) for word in value.split()]

    def flag(self, key):
        return (self.last(key) or "no").lower() in ("yes", "true", "on", "1")

    def not_carried_out(self):
        """The settings of [Service] that boot.py does not know."""
        return sorted(set(self.settings.get("Service", {})) - CARRIED_OUT - WITHOUT_EFFECT)

    def type(self):
        return self.last("Type") or ("simple" if self.all("ExecStart") else "oneshot")

    def environment(self, read_file):
        """Environment= and then EnvironmentFile=, whose values win. `read_file` returns a file's text, or None."""
        variables = {}
        for value in self.all("Environment"):
            for word in split(value, self.name):
                key, _, content = self._specifiers(word).partition("=")
                variables[key] = content
        for path in self.all("EnvironmentFile"):
            text = read_file(path.lstrip("-"))
            if text is not None:
                variables.update(environment_file(text))
            elif not path.startswith("-"):
                raise UnitError(f"{self.name}: EnvironmentFile={path} is not there")
        return variables

    def commands(self, key, variables):
        """The commands of ExecStart= and its kin: (argv, whether failure counts)."""
        commands = []
        for value in self.all(key):
            words = split(value, self.name)
            for words in split_list(words):
                prefix = re.match(r"[-@:+!|]*", words[0]).group(0)
                if "@" in prefix:
                    raise UnitError(f"{self.name}: {key}= with @ is not supported here")
                words[0] = words[0][len(prefix):]
                words = [self._specifiers(word) for word in words]
                if not words[0].startswith("/"):
                    raise UnitError(f"{self.name}: {key}={words[0]} is no absolute path")
                if ":" not in prefix:
                    words = words[:1] + [out for word in words[1:] for out in expand(word, variables)]
                commands.append((words, "-" not in prefix))
        return commands

    def _specifiers(self, word):
        base = self.name.rsplit(".", 1)[0]
        prefix, _, instance = base.partition("@")
        known = {"%": "%", "n": self.name, "N": base, "p": prefix, "i": instance, "H": os.environ.get("HOST", ""), "t": "/run",
                 "S": "/var/lib", "L": "/var/log", "C": "/var/cache", "E": "/etc", "T": "/tmp"}

        def replace(match):
            if match.group(1) not in known:
                raise UnitError(f"{self.name}: unknown specifier %{match.group(1)} in {word!r}")
            return known[match.group(1)]

        return re.sub(r"%(.?)", replace, word)


def load(name, read_file, list_folder):
    """The unit `name` with its drop-ins, or None if there is none. Both functions take paths as the host sees them;
    what is not there is None."""
    texts = [text for folder in FOLDERS if (text := read_file(f"{folder}/{name}")) is not None][:1]
    if not texts:
        return None
    drop_ins = {}
    for folder in reversed(FOLDERS):  # the same name in a stronger folder wins; the order is that of the names
        for file in list_folder(f"{folder}/{name}.d") or []:
            if file.endswith(".conf"):
                drop_ins[file] = read_file(f"{folder}/{name}.d/{file}")
    return Unit(name, texts + [drop_ins[file] for file in sorted(drop_ins)])


def logical_lines(text):
    """Lines with their continuations joined; comments, also those between continued lines, left out."""
    held, start = None, 0
    for number, line in enumerate(text.split("\n"), 1):
        if line.lstrip()[:1] in ("#", ";") and line.lstrip():
            continue
        if held is None:
            held, start = "", number
        if line.endswith("\\"):
            held += line[:-1] + " "
            continue
        held += line
        if held.strip():
            yield start, held.strip()
        held = None
    if held and held.strip():
        yield start, held.strip()


ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "\\": "\\", '"': '"', "'": "'", "s": " "}


class Separator(str):
    """A semicolon that stands alone, neither quoted nor escaped: between two commands."""


def split(value, where):
    """A value as words: quotes around a whole word, C escapes. The manual allows quotes nowhere else."""
    words, position = [], 0
    while True:
        position += len(value[position:]) - len(value[position:].lstrip())
        if position >= len(value):
            return words
        start = position
        quote = value[position] if value[position] in "\"'" else None
        position += 1 if quote else 0
        word = ""
        while True:
            if position >= len(value):
                if quote:
                    raise UnitError(f"{where}: a quote is not closed in {value!r}")
                break
            char = value[position]
            position += 1
            if char == "\\":
                escape = re.match(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})|U([0-9a-fA-F]{8})|([0-7]{3})|(.)", value[position:])
                if not escape:
                    raise UnitError(f"{where}: a backslash escapes nothing in {value!r}")
                hexadecimal = escape.group(1) or escape.group(2) or escape.group(3)
                if hexadecimal:
                    word += chr(int(hexadecimal, 16))
                elif escape.group(4):
                    word += chr(int(escape.group(4), 8))
                elif escape.group(5) in ESCAPES:
                    word += ESCAPES[escape.group(5)]
                elif escape.group(5) == ";" and not word:
                    word += ";"
                else:
                    raise UnitError(f"{where}: unknown escape \\{escape.group(5)} in {value!r}")
                position += escape.end()
            elif quote and char == quote:
                if position < len(value) and not value[position].isspace():
                    raise UnitError(f"{where}: a quote ends within a word in {value!r}")
                break
            elif not quote and char.isspace():
                break
            elif not quote and char in "\"'":
                raise UnitError(f"{where}: a quote begins within a word in {value!r}")
            else:
                word += char
        words.append(Separator(word) if value[start:position].strip() == ";" else word)


def split_list(words):
    lists = [[]]
    for word in words:
        if isinstance(word, Separator):
            lists.append([])
        else:
            lists[-1].append(word)
    return [one for one in lists if one]


def expand(word, variables):
    """$VAR as a word of its own is split into words, ${VAR} anywhere is replaced, $$ is a dollar."""
    if match := re.fullmatch(r"\$([A-Za-z_][A-Za-z0-9_]*)", word):
        return shlex.split(variables.get(match.group(1), ""))
    return [re.sub(r"\$\$|\$\{([A-Za-z_][A-Za-z0-9_]*)\}",
                   lambda match: "$" if match.group(0) == "$$" else variables.get(match.group(1), ""), word)]


def environment_file(text):
    variables = {}
    for _, line in logical_lines(text):
        key, separator, value = line.partition("=")
        if separator:
            value = value.strip()
            quoted = re.fullmatch(r"\"((?:[^\"\\]|\\.)*)\"|'([^']*)'", value)
            if quoted:
                value = re.sub(r"\\([\"\\`$])", r"\1", quoted.group(1)) if quoted.group(1) is not None else quoted.group(2)
            variables[key.strip()] = value
    return variables


def seconds(span, default):
    """A time span such as 5, 5s, 1min 30s, 100ms, as seconds."""
    if span is None:
        return default
    if span == "infinity":
        return float("inf")
    units = {"": 1, "s": 1, "sec": 1, "ms": 0.001, "us": 0.000001, "m": 60, "min": 60, "h": 3600, "hr": 3600, "d": 86400}
    parts = re.findall(r"([0-9.]+)\s*([a-z]*)", span)
    if not parts or any(unit not in units for _, unit in parts):
        raise UnitError(f"not a time span: {span!r}")
    return sum(float(number) * units[unit] for number, unit in parts)
