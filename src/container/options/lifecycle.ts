/** Name, labels, log, image and what follows the end of a container. */
import { flagSwitch, listOf, oneOf, path, string } from "../../option.ts";
import { checkLogTag, checkPattern } from "../log-attributes.ts";
import { parseMaxFile, parseMaxSize } from "../log-limits.ts";
import { option, refused, type SpecOption, splitPair } from "./declare.ts";
import { fileLines } from "./environment.ts";

function parseLabel(text: string): [string, string] {
  const at = text.indexOf("=");
  const key = at < 0 ? text : text.slice(0, at);
  if (key === "") throw new Error("has no key");
  return [key, at < 0 ? "" : text.slice(at + 1)];
}

const logKeys = [
  "path",
  "max-size",
  "max-file",
  "tag",
  "labels",
  "labels-regex",
  "env",
  "env-regex",
];
/** Docker's: what they ask for is told to be without effect when the container is made. */
const moreLogKeys = ["compress", "mode", "max-buffer-size"];

export const lifecycleOptions: readonly SpecOption[] = [
  option(
    "--name",
    { ...string, placeholder: "NAME" },
    "Its name",
    (spec, name) => {
      if (!/^[a-zA-Z0-9][a-zA-Z0-9_.-]*$/.test(name))
        throw new Error("it may have letters, digits and _ . - and begins with a letter or digit");
      spec.name = name;
    },
    { compose: "container_name", quadlet: "ContainerName" },
  ),
  option(
    "--label",
    listOf({ ...string, placeholder: "KEY=VALUE" }),
    "Set a label",
    (spec, text) => {
      const [key, value] = parseLabel(text);
      spec.labels[key] = value;
    },
    { short: "-l", api: "Config.Labels", compose: "labels", quadlet: "Label" },
  ),
  option(
    "--label-file",
    listOf({ ...path, placeholder: "FILE" }),
    "Read labels from a file",
    (spec, file) => {
      for (const [key, value] of fileLines(file).map(parseLabel)) spec.labels[key] ??= value;
    },
    { compose: "label_file" },
  ),
  option(
    "--annotation",
    listOf({ ...string, placeholder: "KEY=VALUE" }),
    "Set an annotation for the OCI runtime",
    (spec, text) => {
      const [key, value] = splitPair(text);
      spec.annotations[key] = value;
    },
    { api: "HostConfig.Annotations", compose: "annotations", quadlet: "Annotation" },
  ),
  option(
    "--log-driver",
    oneOf("k8s-file", "json-file", "local", "journald", "none", "passthrough", "passthrough-tty"),
    "Where its output is kept",
    (spec, driver) => {
      spec.log.driver = driver;
    },
    { api: "HostConfig.LogConfig.Type", compose: "logging.driver", quadlet: "LogDriver" },
  ),
  option(
    "--log-opt",
    listOf({ ...string, placeholder: "KEY=VALUE" }),
    "Option of the log: max-size, max-file, path, tag, or what logs --details shows: labels, env",
    (spec, text) => {
      const [key, value] = splitPair(text);
      if (!logKeys.includes(key) && !moreLogKeys.includes(key))
        throw new Error(`unknown option "${key}" (${logKeys.join(", ")})`);
      if (key === "max-size") parseMaxSize(value);
      if (key === "max-file") parseMaxFile(value);
      if (key === "tag") checkLogTag(value);
      if (key.endsWith("-regex")) checkPattern(value);
      spec.log.options[key] = value;
    },
    { api: "HostConfig.LogConfig.Config", compose: "logging.options", quadlet: "LogOpt" },
  ),
  option(
    "--restart",
    { ...string, placeholder: "POLICY" },
    "Start it again when it ends: no, on-failure[:N], always, unless-stopped",
    (spec, text) => {
      const match = /^(no|always|unless-stopped|on-failure)(?::(\d{1,9}))?$/.exec(
        text === "" ? "no" : text,
      );
      if (match === null || (match[2] !== undefined && match[1] !== "on-failure"))
        throw new Error("must be no, on-failure[:N], always or unless-stopped");
      spec.restart = { policy: match[1] as "no", maxRetries: Number(match[2] ?? 0) };
    },
    { defaultText: "no", api: "HostConfig.RestartPolicy", compose: "restart" },
  ),
  option(
    "--rm",
    flagSwitch,
    "Remove it when it ends",
    (spec, isOn) => {
      spec.removesItself = isOn;
    },
    { api: "HostConfig.AutoRemove" },
  ),
  option(
    "--pidfile",
    { ...path, placeholder: "FILE" },
    "Write the pid of its process to a file",
    (spec, file) => {
      spec.pidFile = absolute(file);
    },
  ),
  option(
    "--conmon-pidfile",
    { ...path, placeholder: "FILE" },
    "Write the pid of its monitor to a file",
    (spec, file) => {
      spec.conmonPidFile = absolute(file);
    },
  ),
  option(
    "--runtime",
    { ...string, placeholder: "RUNTIME" },
    "OCI runtime for this container alone",
    (spec, name) => {
      spec.runtime = name;
    },
    { api: "HostConfig.Runtime", compose: "runtime" },
  ),
  option(
    "--pull",
    oneOf("missing", "always", "never", "newer"),
    "When to pull the image",
    (spec, policy) => {
      spec.pull = policy;
    },
    { defaultText: "missing", compose: "pull_policy", quadlet: "Pull" },
  ),
  option(
    "--platform",
    { ...string, placeholder: "OS[/ARCH[/VARIANT]]" },
    "Platform of the image",
    (spec, text) => {
      const [os = "", architecture = null, variant = null] = text.split("/");
      spec.platform = { os, architecture, variant };
    },
    { compose: "platform" },
  ),
  option("--os", { ...string, placeholder: "OS" }, "Operating system of the image", (spec, os) => {
    spec.platform.os = os;
  }),
  option(
    "--arch",
    { ...string, placeholder: "ARCH" },
    "Architecture of the image",
    (spec, architecture) => {
      spec.platform.architecture = architecture;
    },
  ),
  option(
    "--variant",
    { ...string, placeholder: "VARIANT" },
    "Variant of the architecture",
    (spec, variant) => {
      spec.platform.variant = variant;
    },
  ),
  option(
    "--requires",
    listOf({ ...string, placeholder: "CONTAINER[,CONTAINER]", completes: "container" }),
    "Containers that are started first",
    (spec, text) => {
      spec.requires.push(...text.split(","));
    },
  ),
  refused(
    "--decryption-key",
    listOf(string),
    "Key of an encrypted image",
    "images are not encrypted",
  ),
  {
    flag: "--disable-content-trust",
    type: flagSwitch,
    help: "No content trust",
    ignored: "there is none to disable",
  },
];

function absolute(file: string): string {
  return file.startsWith("/") ? file : `${process.cwd()}/${file}`;
}
