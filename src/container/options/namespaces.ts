/** Namespaces and what belongs to them. */
import { flagSwitch, listOf, oneOf, path, string } from "../../option.ts";
import type { ContainerSpec, IdMappingRequest, NamespaceMode, UserNamespaceMode } from "../spec.ts";
import { option, type SpecOption, splitPair } from "./declare.ts";

const modeText = { ...string, placeholder: "MODE" };

/** `container:NAME`, `ns:PATH` or one of the words. */
function parseMode(text: string, words: readonly string[]): NamespaceMode {
  const [kind = "", of] = text.split(/:(.*)/s, 2);
  if (kind === "container" && of) return { kind: "container", of };
  if (kind === "ns" && of?.startsWith("/")) return { kind: "path", of };
  if (words.includes(text)) return { kind: text as "private" };
  throw new Error(`must be ${[...words, "container:NAME", "ns:PATH"].join(", ")}`);
}

function namespace(
  flag: `--${string}`,
  key: "pid" | "ipc" | "uts" | "cgroup",
  help: string,
  words: readonly string[],
  more: object = {},
): SpecOption {
  return option(
    flag,
    modeText,
    help,
    (spec, text) => {
      spec[key] = parseMode(text, words);
    },
    more,
  );
}

/** `keep-id:uid=1,gid=2`, `auto:size=1024`, `nomap`, `host`, `private`, `container:`, `ns:`. */
export function parseUserns(text: string): UserNamespaceMode | null {
  const [kind = "", options = ""] = text.split(/:(.*)/s, 2);
  if (
    (kind === "" || kind === "host" || kind === "nomap" || kind === "private") &&
    options === ""
  ) {
    return kind === "" ? null : { kind: kind as "host" };
  }
  if (kind === "container" && options !== "") return { kind, of: options };
  if (kind === "ns" && options.startsWith("/")) return { kind: "path", of: options };
  if (kind !== "keep-id" && kind !== "auto")
    throw new Error("must be auto, host, keep-id, nomap, private, container:NAME or ns:PATH");
  const values: Record<string, string> = {};
  const allowed = kind === "auto" ? ["size", "uidmapping", "gidmapping"] : ["uid", "gid", "size"];
  const uidMappings: IdMappingRequest[] = [];
  const gidMappings: IdMappingRequest[] = [];
  for (const pair of options === "" ? [] : options.split(",")) {
    const [name, value] = splitPair(pair);
    if (!allowed.includes(name))
      throw new Error(`${kind} has no option "${name}" (${allowed.join(", ")})`);
    if (name.endsWith("mapping") && !/^\d/.test(value))
      throw new Error(`${name} must be INSIDE:[@]OUTSIDE[:SIZE]`);
    if (name === "uidmapping") uidMappings.push(parseIdMapping(value));
    else if (name === "gidmapping") gidMappings.push(parseIdMapping(value));
    else if (/^\d{1,10}$/.test(value)) values[name] = value;
    else throw new Error(`${name} must be a number`);
  }
  const number = (name: string) => (values[name] === undefined ? null : Number(values[name]));
  if (kind === "auto") return { kind, size: number("size"), uidMappings, gidMappings };
  return { kind, uid: number("uid"), gid: number("gid"), size: number("size") };
}

/** `[+ug]INSIDE:[@]OUTSIDE[:SIZE]`. */
export function parseIdMapping(text: string): IdMappingRequest {
  const match = /^([+ug]*)(\d{1,10}):(@?)(\d{1,10})(?::(\d{1,10}))?$/.exec(text);
  if (match === null) throw new Error("must be [+ug]INSIDE:[@]OUTSIDE[:SIZE]");
  const [, flags = "", inside, at, outside, size = 1] = match;
  const isOne = flags.includes("u") !== flags.includes("g");
  const request: IdMappingRequest = {
    inside: Number(inside),
    outside: Number(outside),
    size: Number(size),
    ...(isOne && { of: flags.includes("u") ? ("uid" as const) : ("gid" as const) }),
    ...(flags.includes("+") && { replaces: true as const }),
    ...(at === "@" && { isParents: true as const }),
  };
  const last = 2 ** 32 - 1;
  if (
    request.size < 1 ||
    request.inside + request.size > last ||
    request.outside + request.size > last
  )
    throw new Error("an id is out of range");
  return request;
}

const mapping = { placeholder: "[+ug]INSIDE:[@]OUTSIDE[:SIZE]", parse: parseIdMapping };

const sysctlName = /^[a-z0-9_-]+([./][a-zA-Z0-9_-]+)+$/;

export const namespaceOptions: readonly SpecOption[] = [
  namespace("--pid", "pid", "Its process namespace", ["private", "host"], {
    api: "HostConfig.PidMode",
    compose: "pid",
  }),
  namespace(
    "--ipc",
    "ipc",
    "Its namespace of System V IPC and /dev/shm",
    ["private", "host", "none", "shareable"],
    { api: "HostConfig.IpcMode", compose: "ipc" },
  ),
  namespace("--uts", "uts", "Its namespace of the host name", ["private", "host"], {
    api: "HostConfig.UTSMode",
    compose: "uts",
  }),
  namespace("--cgroupns", "cgroup", "Its namespace of control groups", ["private", "host"], {
    api: "HostConfig.CgroupnsMode",
  }),
  option(
    "--userns",
    modeText,
    "Its user namespace: auto, host, keep-id[:uid=N,gid=N], nomap, container:NAME, ns:PATH",
    (spec, text) => {
      spec.userns = parseUserns(text);
    },
    { api: "HostConfig.UsernsMode", compose: "userns_mode", quadlet: "UserNS" },
  ),
  option(
    "--uidmap",
    listOf(mapping),
    "Map user ids",
    (spec, value) => {
      spec.uidMappings.push(value);
    },
    { quadlet: "UIDMap" },
  ),
  option(
    "--gidmap",
    listOf(mapping),
    "Map group ids",
    (spec, value) => {
      spec.gidMappings.push(value);
    },
    { quadlet: "GIDMap" },
  ),
  option(
    "--subuidname",
    { ...string, placeholder: "USER" },
    "Map the subordinate user ids of that user",
    (spec, name) => {
      spec.subuidName = name;
    },
    { quadlet: "SubUIDMap" },
  ),
  option(
    "--subgidname",
    { ...string, placeholder: "GROUP" },
    "Map the subordinate group ids of that group",
    (spec, name) => {
      spec.subgidName = name;
    },
    { quadlet: "SubGIDMap" },
  ),
  option(
    "--hostname",
    { ...string, placeholder: "NAME" },
    "Its host name",
    (spec, name) => {
      if (name === "") return; // as not given
      if (!/^[a-zA-Z0-9]([a-zA-Z0-9_.-]{0,62}[a-zA-Z0-9])?$/.test(name))
        throw new Error("not a host name");
      spec.hostname = name;
    },
    { short: "-h", api: "Config.Hostname", compose: "hostname", quadlet: "HostName" },
  ),
  option(
    "--domainname",
    { ...string, placeholder: "NAME" },
    "Its NIS domain name",
    (spec, name) => {
      spec.domainname = name;
    },
    { api: "Config.Domainname", compose: "domainname" },
  ),
  option(
    "--sysctl",
    listOf({ ...string, placeholder: "NAME=VALUE" }),
    "Set a kernel parameter of its namespaces",
    (spec, text) => {
      const [name, value] = splitPair(text);
      if (!sysctlName.test(name)) throw new Error(`"${name}" is no name of a parameter`);
      spec.sysctls[name.includes("/") && !name.includes(".") ? name.replaceAll("/", ".") : name] =
        value;
    },
    { api: "HostConfig.Sysctls", compose: "sysctls", quadlet: "Sysctl" },
  ),
  option(
    "--cgroup-parent",
    { ...path, placeholder: "PATH" },
    "Cgroup below which its own is made; with systemd a slice",
    (spec, text) => {
      if (text.includes("..")) throw new Error("must not have ..");
      spec.cgroupParent = text;
    },
    { api: "HostConfig.CgroupParent", compose: "cgroup_parent" },
  ),
  option(
    "--cgroups",
    oneOf("enabled", "disabled", "no-conmon", "split"),
    "Whether it gets a cgroup of its own",
    (spec, mode) => {
      spec.cgroups = mode;
    },
    { defaultText: "enabled" },
  ),
  option(
    "--privileged",
    flagSwitch,
    "Give it all that the caller may do",
    (spec: ContainerSpec, isOn) => {
      spec.isPrivileged = isOn;
    },
    { api: "HostConfig.Privileged", compose: "privileged" },
  ),
];
