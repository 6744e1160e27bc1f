/** What runs, as whom, and how it ends. */

import { parseSignal } from "../../oci/signals.ts";
import { flagSwitch, integer, listOf, oneOf, path, string } from "../../option.ts";
import { containerPath, option } from "./declare.ts";

/** A command as JSON list, or one word. */
function entrypointWords(text: string): string[] {
  if (text === "" || text === '[""]') return [];
  if (!text.startsWith("[")) return [text];
  const words: unknown = JSON.parse(text);
  if (!Array.isArray(words) || !words.every((word): word is string => typeof word === "string"))
    throw new Error("must be a list of strings");
  return words;
}

export const processOptions = [
  option(
    "--attach",
    listOf(oneOf("stdin", "stdout", "stderr")),
    "Attach only this stream",
    (spec, stream) => {
      spec.attach = [...(spec.attach ?? []), stream];
    },
    { short: "-a" },
  ),
  option(
    "--entrypoint",
    { ...string, placeholder: "COMMAND" },
    "Run this instead of the image's entrypoint; a JSON list for several words",
    (spec, text) => {
      spec.entrypoint = entrypointWords(text);
    },
    { api: "Config.Entrypoint", compose: "entrypoint", quadlet: "Entrypoint" },
  ),
  option(
    "--interactive",
    flagSwitch,
    "Keep its input open",
    (spec, isOn) => {
      spec.hasStdin = isOn;
    },
    { short: "-i", api: "Config.OpenStdin", compose: "stdin_open" },
  ),
  option(
    "--tty",
    flagSwitch,
    "Give it a terminal",
    (spec, isOn) => {
      spec.hasTty = isOn;
    },
    { short: "-t", api: "Config.Tty", compose: "tty" },
  ),
  option(
    "--workdir",
    { ...path, placeholder: "DIR" },
    "Working directory in the container",
    (spec, text) => {
      spec.workdir = containerPath(text);
    },
    { short: "-w", api: "Config.WorkingDir", compose: "working_dir", quadlet: "WorkingDir" },
  ),
  option(
    "--user",
    { ...string, placeholder: "USER[:GROUP]" },
    "Who the process runs as: names or numbers",
    (spec, text) => {
      spec.user = text;
    },
    { short: "-u", api: "Config.User", compose: "user", quadlet: "User" },
  ),
  option(
    "--group-add",
    listOf({ ...string, placeholder: "GROUP" }),
    "Further groups of the process; keep-groups for those of the caller",
    (spec, group) => {
      spec.groups.push(group);
    },
    { api: "HostConfig.GroupAdd", compose: "group_add", quadlet: "GroupAdd" },
  ),
  option(
    "--umask",
    { ...string, placeholder: "OCTAL" },
    "Mask of permissions",
    (spec, text) => {
      if (!/^[0-7]{1,4}$/.test(text)) throw new Error("not an octal number such as 0022");
      spec.umask = text;
    },
    { defaultText: "0022" },
  ),
  option(
    "--tz",
    { ...string, placeholder: "ZONE" },
    "Time zone, or local for the host's",
    (spec, text) => {
      spec.timezone = text;
    },
    { quadlet: "Timezone" },
  ),
  option(
    "--init",
    flagSwitch,
    "Run an init that reaps children and passes signals on",
    (spec, isOn) => {
      spec.init = isOn;
    },
    { api: "HostConfig.Init", compose: "init", quadlet: "RunInit" },
  ),
  option("--init-path", path, "That init", (spec, text) => {
    spec.initPath = text;
  }),
  option(
    "--stop-signal",
    { ...string, placeholder: "SIGNAL" },
    "Signal that asks it to end",
    (spec, text) => {
      parseSignal(text);
      spec.stopSignal = text;
    },
    {
      defaultText: "the image's, or SIGTERM",
      api: "Config.StopSignal",
      compose: "stop_signal",
      quadlet: "StopSignal",
    },
  ),
  option(
    "--stop-timeout",
    { ...integer, placeholder: "SECONDS" },
    "How long it may take to end before it is killed",
    (spec, seconds) => {
      spec.stopTimeoutSeconds = seconds;
    },
    {
      defaultText: "10",
      api: "Config.StopTimeout",
      compose: "stop_grace_period",
      quadlet: "StopTimeout",
    },
  ),
  option(
    "--timeout",
    { ...integer, placeholder: "SECONDS" },
    "Kill it after so long; 0: never",
    (spec, seconds) => {
      if (seconds < 0) throw new Error("must not be negative");
      spec.timeoutSeconds = seconds;
    },
  ),
  option(
    "--systemd",
    oneOf("true", "false", "always"),
    "Prepare it for systemd as its init",
    (spec, mode) => {
      spec.systemd = mode;
    },
    { defaultText: "true" },
  ),
  option(
    "--sdnotify",
    oneOf("container", "conmon", "healthy", "ignore"),
    "Who tells systemd that it is ready",
    (spec, mode) => {
      spec.sdnotify = mode;
    },
  ),
  option(
    "--passwd",
    flagSwitch,
    "Add entries for its user to /etc/passwd and /etc/group",
    (spec, isOn) => {
      spec.managesPasswd = isOn;
    },
    { defaultText: "true" },
  ),
  option(
    "--passwd-entry",
    { ...string, placeholder: "ENTRY" },
    "That entry in /etc/passwd",
    (spec, text) => {
      spec.passwdEntry = oneLine(text);
    },
  ),
  option(
    "--group-entry",
    { ...string, placeholder: "ENTRY" },
    "That entry in /etc/group",
    (spec, text) => {
      spec.groupEntry = oneLine(text);
    },
  ),
  option(
    "--hostuser",
    listOf({ ...string, placeholder: "USER" }),
    "Add a user of the host to /etc/passwd and /etc/group",
    (spec, name) => {
      spec.hostUsers.push(name);
    },
  ),
  option(
    "--personality",
    { ...oneOf("linux", "linux32"), placeholder: "DOMAIN", parse: (text) => text.toLowerCase() },
    "Execution domain: linux or linux32",
    (spec, domain) => {
      if (domain !== "linux" && domain !== "linux32") throw new Error("must be linux or linux32");
      spec.personality = domain;
    },
  ),
  option(
    "--chrootdirs",
    listOf({ ...path, placeholder: "DIR" }),
    "Directory in which files of /etc are made too",
    (spec, text) => {
      spec.chrootDirectories.push(...text.split(",").map(containerPath));
    },
  ),
];

function oneLine(text: string): string {
  if (/[\n\0]/.test(text)) throw new Error("must be one line");
  return text;
}
