/** Options of `podman build` for what the image says and where the Dockerfile's text comes from, and those of it that are refused. */

import { flagSwitch, listOf, path, string } from "../../option.ts";
import { builderOption } from "./builders.ts";

const names = (placeholder: string) => listOf({ ...string, placeholder });

export const imageOptions = {
  builder: builderOption,
  cppFlag: {
    flag: "--cpp-flag",
    type: names("FLAG"),
    help: "Flag for cpp, which a Dockerfile goes through whose name ends with .in",
  },
  debugShell: {
    flag: "--debug-shell",
    type: flagSwitch,
    help: "Open a shell where a command failed, with all that it saw",
  },
  env: {
    flag: "--env",
    type: names("NAME[=VALUE]"),
    help: "Variable of the image; a name alone takes it from the environment",
  },
  from: { flag: "--from", type: string, help: "Image in place of the first FROM's" },
  iidfileRaw: {
    flag: "--iidfile-raw",
    type: path,
    help: "Write the image's id to a file, without sha256: before it",
  },
  inheritLabels: {
    flag: "--inherit-labels",
    type: flagSwitch,
    help: "Take over labels of base images",
    defaultText: "true",
  },
  logfile: { flag: "--logfile", type: path, help: "Tell steps in a file instead of on stderr" },
  omitHistory: {
    flag: "--omit-history",
    type: flagSwitch,
    help: "Leave out of the image how it was made",
  },
  unsetenv: { flag: "--unsetenv", type: names("NAME"), help: "Variable that the image has not" },
  unsetlabel: {
    flag: "--unsetlabel",
    type: names("NAME"),
    help: "Label of base images that is not taken over",
  },
} as const;

const isolations = ["default", "oci", "rootless"];

/** Options of podman that mean nothing here, each with the reason. */
export const emptyImageOptions = {
  disableContentTrust: {
    flag: "--disable-content-trust",
    type: flagSwitch,
    help: "Do not look for signatures",
    ignored: "policy.json says what is looked for",
  },
  isolation: {
    flag: "--isolation",
    type: {
      placeholder: isolations.join("|"),
      choices: isolations,
      parse(text: string) {
        if (isolations.includes(text)) return text;
        throw new Error("commands run in containers of the OCI runtime, always");
      },
    },
    help: "Kind of container",
    ignored: "they are containers of the OCI runtime, always",
  },
  layerLabel: {
    flag: "--layer-label",
    type: names("NAME=VALUE"),
    help: "Label of images between",
    ignored: "steps come to layers, and there are no images between",
  },
  unsetannotation: {
    flag: "--unsetannotation",
    type: names("NAME"),
    help: "Annotation of base images that is not taken over",
    ignored: "none of theirs is taken over",
  },
  userns: {
    flag: "--userns",
    type: {
      placeholder: "host",
      choices: ["host"],
      parse(text: string) {
        if (text === "host" || text === "") return text;
        throw new Error("commands run in the user namespace that the store is in");
      },
    },
    help: "User namespace",
    ignored: "it is the one that the store is in",
  },
} as const;

const refused = (flag: `--${string}`, help: string, reason: string) =>
  ({ flag, type: listOf(string), help, refuse: reason }) as const;

/** A switch that may be turned off: it is. */
const refusedSwitch = (flag: `--${string}`, help: string, reason: string) =>
  ({ flag, type: flagSwitch, help, defaultText: "false", refuse: reason }) as const;

const mapped = "commands run in the user namespace that the store is in";

/** Options of podman that are refused, each with the reason. */
export const refusedImageOptions = {
  compatVolumes: refusedSwitch(
    "--compat-volumes",
    "Forget what commands write into volumes",
    "what commands write stays, as BuildKit has it",
  ),
  createdAnnotation: refusedSwitch(
    "--created-annotation",
    "Annotation with the time",
    "the time is in the configuration; say it with --annotation",
  ),
  cw: refused("--cw", "Confidential workload", "there are no encrypted images here"),
  decryptionKey: refused(
    "--decryption-key",
    "Key of an encrypted base image",
    "there are no encrypted images here",
  ),
  identityLabel: refusedSwitch(
    "--identity-label",
    "Label that names the builder",
    "images get no label that was not asked for; say it with --label",
  ),
  inheritAnnotations: refusedSwitch(
    "--inherit-annotations",
    "Take over annotations of base images",
    "theirs are of their manifests; say yours with --annotation",
  ),
  logsplit: refusedSwitch(
    "--logsplit",
    "A log file for each platform",
    "the steps of all platforms are told together",
  ),
  osFeature: refused("--os-feature", "Feature of the system", "it is for images of Windows"),
  osVersion: refused("--os-version", "Version of the system", "it is for images of Windows"),
  resource: refused("--resource", "Limit of the builder", "limit commands with --memory and such"),
  saveStages: refusedSwitch(
    "--save-stages",
    "Keep stages as images",
    "name the stage: cooper build --target STAGE -t NAME",
  ),
  sourcePolicyFile: refused(
    "--source-policy-file",
    "Which sources are allowed",
    "policy.json says which images are accepted",
  ),
  stageLabels: refusedSwitch(
    "--stage-labels",
    "Labels of images of stages",
    "stages are no images here",
  ),
  usernsGidMap: refused("--userns-gid-map", "Ids of groups", mapped),
  usernsGidMapGroup: refused("--userns-gid-map-group", "Ids of groups", mapped),
  usernsUidMap: refused("--userns-uid-map", "Ids of users", mapped),
  usernsUidMapUser: refused("--userns-uid-map-user", "Ids of users", mapped),
} as const;
