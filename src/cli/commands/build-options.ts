/** Options of `build`, as data: those that work, and those of the peers that are refused or mean nothing here. */

import { parsePlatform } from "../../oci/platform.ts";
import { flagSwitch, integer, listOf, oneOf, path, string } from "../../option.ts";

const pairs = listOf({ ...string, placeholder: "KEY=VALUE" });

export const buildOptions = {
  annotation: { flag: "--annotation", type: pairs, help: "Annotation of the image's manifest" },
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
  platform: {
    flag: "--platform",
    type: { placeholder: "OS/ARCH[/VARIANT]", parse: parsePlatform },
    help: "Platform of the image: this machine's",
  },
  progress: {
    flag: "--progress",
    type: oneOf("auto", "plain", "quiet"),
    help: "How steps are told",
    defaultText: "auto",
  },
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
  quiet: { flag: "--quiet", short: "-q", type: flagSwitch, help: "Print the image's id alone" },
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
  ssh: {
    flag: "--ssh",
    type: listOf({ ...string, placeholder: "default|ID[=SOCKET]" }),
    help: "SSH agent for RUN --mount=type=ssh",
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
} as const;

const without = (reason: string) => ({ ignored: reason });
const no = (reason: string) => ({ refuse: reason });
const text = listOf(string);
const notYet = no("builds do not do that yet");

/** Options of docker and podman that mean nothing here, each with the reason. */
export const emptyOptions = {
  load: {
    flag: "--load",
    type: flagSwitch,
    help: "Keep the image",
    ...without("it is always kept"),
  },
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
  addHost: { flag: "--add-host", type: text, help: "Entry for /etc/hosts", ...notYet },
  allow: {
    flag: "--allow",
    type: text,
    help: "Entitlement",
    ...no("commands run in the sandbox of containers, always"),
  },
  attest: { flag: "--attest", type: text, help: "Attestation", ...notYet },
  buildContext: { flag: "--build-context", type: text, help: "Further context", ...notYet },
  cacheFrom: { flag: "--cache-from", type: text, help: "Cache from elsewhere", ...notYet },
  cacheTo: { flag: "--cache-to", type: text, help: "Cache for elsewhere", ...notYet },
  cacheTtl: { flag: "--cache-ttl", type: string, help: "Age of the cache", ...notYet },
  capAdd: { flag: "--cap-add", type: text, help: "Capability", ...notYet },
  capDrop: { flag: "--cap-drop", type: text, help: "Capability", ...notYet },
  device: { flag: "--device", type: text, help: "Device", ...notYet },
  dns: { flag: "--dns", type: text, help: "Resolver", ...notYet },
  memory: { flag: "--memory", short: "-m", type: string, help: "Memory limit", ...notYet },
  metadataFile: {
    flag: "--metadata-file",
    type: path,
    help: "Write what was built to a file",
    ...notYet,
  },
  output: { flag: "--output", short: "-o", type: text, help: "Where the result goes", ...notYet },
  provenance: { flag: "--provenance", type: string, help: "Attestation", ...notYet },
  push: {
    flag: "--push",
    type: flagSwitch,
    help: "Push the image",
    ...no("push it by its name: cooper push NAME"),
  },
  sbom: { flag: "--sbom", type: string, help: "List of packages", ...notYet },
  securityOpt: { flag: "--security-opt", type: text, help: "Security option", ...notYet },
  shmSize: { flag: "--shm-size", type: string, help: "Size of /dev/shm", ...notYet },
  squash: { flag: "--squash", type: flagSwitch, help: "One layer for all steps", ...notYet },
  squashAll: {
    flag: "--squash-all",
    type: flagSwitch,
    help: "One layer for everything",
    ...notYet,
  },
  ulimit: { flag: "--ulimit", type: text, help: "Limit of processes", ...notYet },
  volume: { flag: "--volume", short: "-v", type: text, help: "Directory of the host", ...notYet },
} as const;
