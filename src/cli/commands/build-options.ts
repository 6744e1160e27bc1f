/** Options of `build`, as data: those that work, and those of the peers that are refused or mean nothing here. */

import { createOptions } from "../../container/options/table.ts";
import {
  flagSwitch,
  integer,
  listOf,
  oneOf,
  parseDurationSeconds,
  path,
  string,
} from "../../option.ts";
import { progressOption } from "../build-progress/choose.ts";
import { callType } from "./build-call.ts";

const pairs = listOf({ ...string, placeholder: "KEY=VALUE" });

export const buildOptions = {
  allow: {
    flag: "--allow",
    type: listOf({ ...string, placeholder: "network.host|security.insecure|device[=NAME]" }),
    help: "What RUN may ask for beyond the sandbox",
  },
  annotation: {
    flag: "--annotation",
    type: listOf({ ...string, placeholder: "[LEVEL[PLATFORM]:]KEY=VALUE" }),
    help: "Annotation of the image's manifest, or of its index",
  },
  arch: { flag: "--arch", type: string, help: "Architecture that the image is for" },
  attest: {
    flag: "--attest",
    type: listOf({ ...string, placeholder: "type=sbom|provenance[,KEY=VALUE…]" }),
    help: "Say of the image how it came to be, or what software it holds",
  },
  buildArg: {
    flag: "--build-arg",
    type: pairs,
    help: "Value for an ARG; a name alone takes it from the environment",
  },
  buildArgFile: {
    flag: "--build-arg-file",
    type: listOf(path),
    help: "File with values for ARG, a line NAME=VALUE each",
  },
  buildContext: {
    flag: "--build-context",
    type: listOf({ ...string, placeholder: "NAME=DIR|docker-image://IMAGE" }),
    help: "Further context, which COPY --from and RUN --mount name",
  },
  cacheFrom: {
    flag: "--cache-from",
    type: listOf({ ...string, placeholder: "NAME|type=TYPE[,KEY=VALUE…]" }),
    help: "Take over what a build elsewhere did: type=registry,ref=NAME or type=local,src=DIR",
  },
  cacheTo: {
    flag: "--cache-to",
    type: listOf({ ...string, placeholder: "NAME|type=TYPE[,KEY=VALUE…]" }),
    help: "Leave what this build does for others: type=registry,ref=NAME, type=local,dest=DIR or type=inline",
  },
  cacheTtl: {
    flag: "--cache-ttl",
    type: { placeholder: "DURATION", parse: parseDurationSeconds },
    help: "Do steps anew that were done longer ago than this",
  },
  call: {
    flag: "--call",
    type: { ...callType, placeholder: "build|check|outline|targets[,format=json]" },
    help: "What is done: a build, or a look at the Dockerfile",
    defaultText: "build",
  },
  check: {
    flag: "--check",
    type: flagSwitch,
    help: "Look for mistakes in the Dockerfile, and build nothing",
  },
  file: {
    flag: "--file",
    short: "-f",
    type: path,
    help: "The Dockerfile; - reads it from standard input",
    defaultText: "Dockerfile or Containerfile of the context",
  },
  format: {
    flag: "--format",
    type: oneOf("oci", "docker"),
    help: "Kind of manifest",
    defaultText: "oci, or as containers.conf says",
  },
  ignorefile: { flag: "--ignorefile", type: path, help: "File with patterns of what is left out" },
  iidfile: { flag: "--iidfile", type: path, help: "Write the image's id to a file" },
  jobs: {
    flag: "--jobs",
    type: integer,
    help: "How many steps work at the same time",
    defaultText: "as many as there are processors",
  },
  label: { flag: "--label", type: pairs, help: "Label of the image" },
  load: {
    flag: "--load",
    type: flagSwitch,
    help: "Keep the image, also where only files were asked for",
  },
  manifest: {
    flag: "--manifest",
    type: string,
    help: "Manifest list that the image is added to; it is made where it is missing",
  },
  metadataFile: { flag: "--metadata-file", type: path, help: "Write what was built to a file" },
  network: {
    flag: "--network",
    aliases: ["--net"],
    type: oneOf("default", "none", "host", "private", "bridge"),
    help: "Network of commands that do not ask for another",
    defaultText: "default",
  },
  noCache: { flag: "--no-cache", type: flagSwitch, help: "Do all steps anew" },
  noCacheFilter: {
    flag: "--no-cache-filter",
    type: listOf({ ...string, placeholder: "STAGE" }),
    help: "Do the steps of these stages anew",
  },
  os: { flag: "--os", type: string, help: "Operating system that the image is for" },
  output: {
    flag: "--output",
    short: "-o",
    type: listOf({ ...string, placeholder: "DIR|type=TYPE[,dest=PATH]" }),
    help: "Where the result goes: image, registry, local (files), tar, docker or oci (archives)",
    defaultText: "an image in the store",
  },
  platform: {
    flag: "--platform",
    type: listOf({ ...string, placeholder: "OS/ARCH[/VARIANT][,…]" }),
    help: "Platform of the image; several make an index of images",
    defaultText: "this machine's",
  },
  progress: progressOption,
  pull: {
    flag: "--pull",
    type: {
      ...oneOf("always", "missing", "never", "newer"),
      bare: "always",
      parse(text: string) {
        const meant = {
          true: "always",
          false: "missing",
          "if-missing": "missing",
          ifnewer: "newer",
        };
        const word = Object.hasOwn(meant, text) ? meant[text as keyof typeof meant] : text;
        return oneOf("always", "missing", "never", "newer").parse(word);
      },
    },
    help: "When base images are fetched",
    defaultText: "missing",
  },
  provenance: {
    flag: "--provenance",
    type: { ...string, placeholder: "true|mode=min|mode=max[,version=v0.2]" },
    help: "Say how the image came to be: --attest type=provenance",
  },
  push: { flag: "--push", type: flagSwitch, help: "Push the image to where its names say" },
  quiet: { flag: "--quiet", short: "-q", type: flagSwitch, help: "Print the image's id alone" },
  sbom: {
    flag: "--sbom",
    type: { ...string, placeholder: "true|false" },
    help: "Say what software the image holds: --attest type=sbom",
  },
  secret: {
    flag: "--secret",
    type: listOf({ ...string, placeholder: "id=ID[,src=FILE|,env=NAME]" }),
    help: "Secret for RUN --mount=type=secret",
  },
  sourceDateEpoch: {
    flag: "--source-date-epoch",
    type: integer,
    help: "Seconds since 1970: when the image was made; no file is younger",
    defaultText: "SOURCE_DATE_EPOCH of the environment",
  },
  squash: {
    flag: "--squash",
    type: flagSwitch,
    help: "One layer for all steps; those of the base stay",
  },
  squashAll: { flag: "--squash-all", type: flagSwitch, help: "One layer for everything" },
  ssh: {
    flag: "--ssh",
    type: listOf({ ...string, placeholder: "default|ID[=SOCKET|KEY[,KEY]]" }),
    help: "SSH agent, or keys, for RUN --mount=type=ssh and git over ssh",
  },
  tag: { flag: "--tag", short: "-t", type: listOf(string), help: "Name of the image" },
  target: {
    flag: "--target",
    type: string,
    help: "The stage that is built",
    defaultText: "the last one",
  },
  timestamp: {
    flag: "--timestamp",
    type: integer,
    help: "Seconds since 1970: when the image and all files of its steps were made",
  },
  variant: {
    flag: "--variant",
    type: string,
    help: "Variant of the architecture that the image is for",
  },
} as const;

/** Options of `run` that the containers of RUN take too. */
const ofContainers = [
  "--add-host",
  "--cap-add",
  "--cap-drop",
  "--cgroup-parent",
  "--cgroupns",
  "--cpu-period",
  "--cpu-quota",
  "--cpu-shares",
  "--cpuset-cpus",
  "--cpuset-mems",
  "--device",
  "--dns",
  "--dns-option",
  "--dns-search",
  "--group-add",
  "--http-proxy",
  "--ipc",
  "--memory",
  "--memory-swap",
  "--mount",
  "--no-hostname",
  "--no-hosts",
  "--pid",
  "--security-opt",
  "--shm-size",
  "--ulimit",
  "--uts",
  "--volume",
];

export const containerOptions = createOptions.filter(({ flag }) => ofContainers.includes(flag));

const without = (reason: string) => ({ ignored: reason });
const no = (reason: string) => ({ refuse: reason });
const text = listOf(string);
const notYet = no("builds do not do that yet");

/** Options of docker and podman that mean nothing here, each with the reason. */
export const emptyOptions = {
  rm: { flag: "--rm", type: flagSwitch, help: "Remove containers", ...without("none is left") },
  forceRm: {
    flag: "--force-rm",
    type: flagSwitch,
    help: "Remove containers",
    ...without("none is left"),
  },
  compress: {
    flag: "--compress",
    type: flagSwitch,
    help: "Compress the context",
    ...without("it is read where it is"),
  },
  disableCompression: {
    flag: "--disable-compression",
    short: "-D",
    type: flagSwitch,
    help: "Do not compress layers",
    ...without("they are compressed when they leave"),
  },
  skipUnusedStages: {
    flag: "--skip-unused-stages",
    type: flagSwitch,
    help: "Leave out what the target does not need",
    ...without("it is always left out"),
  },
} as const;

/** Options of docker and podman that are refused, each with the reason. */
export const refusedOptions = {
  allPlatforms: { flag: "--all-platforms", type: flagSwitch, help: "All platforms", ...notYet },
  layers: {
    flag: "--layers",
    type: flagSwitch,
    help: "Keep layers",
    ...without("each step is one"),
  },
  policy: { flag: "--policy", type: text, help: "Policy", ...notYet },
  rewriteTimestamp: {
    flag: "--rewrite-timestamp",
    type: flagSwitch,
    help: "No file younger than the image",
    ...without("SOURCE_DATE_EPOCH does that"),
  },
  signBy: {
    flag: "--sign-by",
    type: string,
    help: "Key",
    ...no("sign when you push: cooper push --sign-by"),
  },
  stdin: {
    flag: "--stdin",
    type: flagSwitch,
    help: "Input for commands",
    ...no("commands have no input"),
  },
} as const;
