/** The processes of a container (podman-top(1), docker-top(1)). */
import { readdirSync, readFileSync, readlinkSync } from "node:fs";
import { CooperError } from "../errors.ts";
import type { Host } from "../host.ts";
import { needProgram } from "../system/program.ts";
import { readInRoot } from "../system/rooted.ts";
import { isAlive } from "./live-state.ts";
import { resolveStarted } from "./resolve-started.ts";

/** A table: its headings and its rows. */
export interface ProcessTable {
  readonly headings: readonly string[];
  readonly rows: readonly (readonly string[])[];
}

interface Process {
  readonly pid: number;
  /** Fields of /proc/PID/stat after the name, from `state` on. */
  readonly stat: readonly string[];
  readonly status: ReadonlyMap<string, string>;
  readonly argv: readonly string[];
  readonly root: string;
}

type Descriptor = { heading: string; value: (process: Process) => string };

const ticksPerSecond = 100;

const descriptors: Record<string, Descriptor> = {
  user: { heading: "USER", value: (p) => userName(p, idsOf(p, "Uid")[1] ?? 0) },
  uid: { heading: "UID", value: (p) => `${idsOf(p, "Uid")[1]}` },
  huser: { heading: "HUSER", value: (p) => hostName(p, "Uid") },
  hgroup: { heading: "HGROUP", value: (p) => hostName(p, "Gid") },
  group: { heading: "GROUP", value: (p) => groupName(p, idsOf(p, "Gid")[1] ?? 0) },
  ruser: { heading: "RUSER", value: (p) => userName(p, idsOf(p, "Uid")[0] ?? 0) },
  rgroup: { heading: "RGROUP", value: (p) => groupName(p, idsOf(p, "Gid")[0] ?? 0) },
  groups: { heading: "GROUPS", value: (p) => groupsOf(p).map(innerGroup(p)).join(",") },
  hgroups: { heading: "HGROUPS", value: (p) => groupsOf(p).map(hostGroup).join(",") },
  pid: { heading: "PID", value: (p) => innerPid(p, p.status.get("NSpid")) },
  hpid: { heading: "HPID", value: (p) => `${p.pid}` },
  ppid: { heading: "PPID", value: (p) => parentPid(p) },
  pgid: { heading: "PGID", value: (p) => innerPid(p, p.status.get("NSpgid")) },
  "%cpu": { heading: "%CPU", value: (p) => cpuPercent(p).toFixed(3) },
  pcpu: { heading: "%CPU", value: (p) => cpuPercent(p).toFixed(3) },
  etime: { heading: "ELAPSED", value: (p) => formatSpan(ageSeconds(p)) },
  elapsed: { heading: "ELAPSED", value: (p) => formatSpan(ageSeconds(p)) },
  time: { heading: "TIME", value: (p) => formatSpan(cpuSeconds(p)) },
  tty: { heading: "TTY", value: (p) => ttyName(Number(p.stat[4] ?? 0)) },
  comm: { heading: "COMMAND", value: (p) => p.status.get("Name") ?? "" },
  args: { heading: "COMMAND", value: (p) => p.argv.join(" ") || `[${p.status.get("Name") ?? ""}]` },
  nice: { heading: "NI", value: (p) => p.stat[16] ?? "" },
  vsz: { heading: "VSZ", value: (p) => `${Math.floor(Number(p.stat[20] ?? 0) / 1024)}` },
  rss: { heading: "RSS", value: (p) => (p.status.get("VmRSS") ?? "0").replace(" kB", "") },
  state: { heading: "STATE", value: (p) => p.stat[0] ?? "" },
  stime: {
    heading: "STIME",
    value: (p) => new Date(Date.now() - ageSeconds(p) * 1000).toTimeString().slice(0, 5),
  },
  seccomp: {
    heading: "SECCOMP",
    value: (p) => ["disabled", "strict", "filter"][Number(p.status.get("Seccomp"))] ?? "",
  },
  label: {
    heading: "LABEL",
    value: (p) => readOr(`/proc/${p.pid}/attr/current`, "?").replace(/[\0\n]/g, ""),
  },
  capeff: { heading: "EFFECTIVE CAPS", value: (p) => p.status.get("CapEff") ?? "" },
  capprm: { heading: "PERMITTED CAPS", value: (p) => p.status.get("CapPrm") ?? "" },
  capinh: { heading: "INHERITED CAPS", value: (p) => p.status.get("CapInh") ?? "" },
  capbnd: { heading: "BOUNDING CAPS", value: (p) => p.status.get("CapBnd") ?? "" },
  capamb: { heading: "AMBIENT CAPS", value: (p) => p.status.get("CapAmb") ?? "" },
};

/** The names that `top` takes. */
export const descriptorNames = Object.keys(descriptors);

const defaults = ["user", "pid", "ppid", "%cpu", "elapsed", "tty", "time", "args"];

/**
 * Lists the processes. `words` are descriptors (`pid,args` or separate), or else options of ps(1), of
 * which the host's `ps` then makes the table.
 */
export async function topContainer(
  host: Host,
  nameOrId: string,
  words: readonly string[],
): Promise<ProcessTable> {
  const container = await resolveStarted(host, nameOrId);
  if (!isAlive(container)) {
    throw new CooperError(
      "wrong-state",
      `cannot show the processes of ${nameOrId}: it is not running`,
    );
  }
  const pids = processesOf(container.pid);
  const names = words.flatMap((word) => word.split(",")).filter((word) => word !== "");
  if (names.some((name) => name.startsWith("-") || !(name in descriptors)))
    return withPs(pids, words);
  const chosen = (names.length > 0 ? names : defaults).flatMap((name) => descriptors[name] ?? []);
  const { merged } = host.paths.container(container.id);
  const rows = pids.flatMap((pid) => {
    try {
      const process = readProcess(pid, merged);
      return [chosen.map((descriptor) => descriptor.value(process))];
    } catch {
      return []; // it has ended while we looked
    }
  });
  return { headings: chosen.map((descriptor) => descriptor.heading), rows };
}

/** All processes in the pid namespace of `first`; where that is the host's own, its descendants. */
function processesOf(first: number): number[] {
  const namespace = readlinkSync(`/proc/${first}/ns/pid`);
  const all = readdirSync("/proc")
    .filter((name) => /^\d+$/.test(name))
    .map(Number);
  if (namespace === readlinkSync("/proc/self/ns/pid")) return descendantsOf(first, all);
  return all.filter((pid) => {
    try {
      return readlinkSync(`/proc/${pid}/ns/pid`) === namespace;
    } catch {
      return false; // it has ended, or is somebody else's
    }
  });
}

function descendantsOf(first: number, all: readonly number[]): number[] {
  const parents = new Map(all.map((pid) => [pid, Number(statFields(pid)[1] ?? 0)]));
  const isBelow = (pid: number): boolean => {
    for (let at: number | undefined = pid; at !== undefined && at > 1; at = parents.get(at))
      if (at === first) return true;
    return false;
  };
  return all.filter(isBelow);
}

function statFields(pid: number): string[] {
  const stat = readOr(`/proc/${pid}/stat`, "");
  return stat
    .slice(stat.lastIndexOf(")") + 2)
    .trim()
    .split(" ");
}

function readOr(file: string, otherwise: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return otherwise; // it has ended
  }
}

function readProcess(pid: number, root: string): Process {
  const status = new Map(
    readFileSync(`/proc/${pid}/status`, "utf8")
      .split("\n")
      .map((line) => {
        const colon = line.indexOf(":");
        return [line.slice(0, colon), line.slice(colon + 1).trim()] as const;
      }),
  );
  const argv = readFileSync(`/proc/${pid}/cmdline`, "utf8")
    .split("\0")
    .filter((word) => word !== "");
  return { pid, stat: statFields(pid), status, argv, root };
}

/** Real, effective, saved and file-system id, as the kernel shows them to us. */
function idsOf(process: Process, kind: "Uid" | "Gid"): number[] {
  const ids = (process.status.get(kind) ?? "").split(/\s+/).map(Number);
  return ids.map((id) => toInside(process.pid, kind === "Uid" ? "uid_map" : "gid_map", id));
}

/** The ids of a user namespace of its own (user_namespaces(7), /proc/PID/uid_map). */
function toInside(pid: number, file: string, id: number): number {
  for (const line of readOr(`/proc/${pid}/${file}`, "").trim().split("\n")) {
    const [inside = 0, outside = 0, size = 0] = line.trim().split(/\s+/).map(Number);
    if (id >= outside && id < outside + size) return inside + (id - outside);
  }
  return id;
}

/** As the machine has it: who calls as an ordinary user sees ids through a mapping of its own. */
function hostName(process: Process, kind: "Uid" | "Gid"): string {
  const shown = Number((process.status.get(kind) ?? "").split(/\s+/)[1] ?? 0);
  const [map, names] = kind === "Uid" ? ["uid_map", "passwd"] : ["gid_map", "group"];
  return nameIn(readOr(`/etc/${names}`, ""), toOutside(readOr(`/proc/self/${map}`, ""), shown));
}

function toOutside(map: string, id: number): number {
  for (const line of map.trim().split("\n")) {
    const [inside = 0, outside = 0, size = 0] = line.trim().split(/\s+/).map(Number);
    if (id >= inside && id < inside + size) return outside + (id - inside);
  }
  return id;
}

function userName(process: Process, uid: number): string {
  return nameIn(readInRoot(process.root, "/etc/passwd") ?? "", uid);
}

function groupName(process: Process, gid: number): string {
  return nameIn(readInRoot(process.root, "/etc/group") ?? "", gid);
}

/** Supplementary groups as our namespace shows them; its own where there are no others. */
function groupsOf({ status }: Process): number[] {
  const words = (status.get("Groups") ?? "").split(/\s+/).filter((word) => word !== "");
  return words.length > 0 ? words.map(Number) : [Number(status.get("Gid")?.split(/\s+/)[1] ?? 0)];
}

const innerGroup = (process: Process) => (gid: number) =>
  groupName(process, toInside(process.pid, "gid_map", gid));

const hostGroup = (gid: number) =>
  nameIn(readOr("/etc/group", ""), toOutside(readOr("/proc/self/gid_map", ""), gid));

function nameIn(text: string, id: number): string {
  const line = text.split("\n").find((entry) => entry.split(":")[2] === `${id}`);
  return line?.split(":")[0] ?? `${id}`;
}

/** The last of the list is the number in the innermost namespace. */
function innerPid(process: Process, list: string | undefined): string {
  return list?.split(/\s+/).at(-1) ?? `${process.pid}`;
}

function parentPid(process: Process): string {
  const parent = Number(process.stat[1] ?? 0);
  const own = readlinkSync(`/proc/${process.pid}/ns/pid`);
  try {
    if (readlinkSync(`/proc/${parent}/ns/pid`) !== own) return "0"; // its parent is outside
  } catch {
    return "0"; // conmon of another user
  }
  return /^NSpid:.*?(\d+)$/m.exec(readOr(`/proc/${parent}/status`, ""))?.[1] ?? "0";
}

function cpuSeconds(process: Process): number {
  return (Number(process.stat[11] ?? 0) + Number(process.stat[12] ?? 0)) / ticksPerSecond;
}

function ageSeconds(process: Process): number {
  const uptime = Number(readOr("/proc/uptime", "0").split(" ")[0]);
  return Math.max(0, uptime - Number(process.stat[19] ?? 0) / ticksPerSecond);
}

function cpuPercent(process: Process): number {
  const age = ageSeconds(process);
  return age === 0 ? 0 : (cpuSeconds(process) / age) * 100;
}

/** As Go prints a duration: `1h2m3.5s`, rounded to what is of use. */
function formatSpan(seconds: number): string {
  const hours = Math.floor(seconds / 3600);
  const minutes = Math.floor((seconds % 3600) / 60);
  const rest = Number((seconds % 60).toFixed(hours + minutes > 0 ? 0 : 2));
  return `${hours > 0 ? `${hours}h` : ""}${hours + minutes > 0 ? `${minutes}m` : ""}${rest}s`;
}

/** Device numbers of terminals (devices.txt): 136 and up are pseudo terminals. */
function ttyName(device: number): string {
  if (device === 0) return "?";
  const major = (device >> 8) & 0xfff;
  const minor = (device & 0xff) | ((device >> 12) & 0xfff00);
  return major >= 136 && major <= 143 ? `pts/${minor + (major - 136) * 256}` : `tty${minor}`;
}

/** Options of ps(1), as `docker top` takes them: its lines of our processes. */
function withPs(pids: readonly number[], words: readonly string[]): ProcessTable {
  const argv = words.length === 0 ? ["-ef"] : words.flatMap((word) => word.split(/\s+/));
  const result = Bun.spawnSync([needProgram("ps"), ...argv], { stdio: ["ignore", "pipe", "pipe"] });
  if (!result.success) {
    throw new CooperError(
      "invalid-argument",
      `ps ${argv.join(" ")}: ${result.stderr.toString().trim().split("\n")[0] ?? "failed"}`,
      {
        hint: `descriptors: ${descriptorNames.join(", ")}`,
      },
    );
  }
  const [heading = "", ...lines] = result.stdout.toString().trimEnd().split("\n");
  const headings = heading.trim().split(/\s+/);
  const column = headings.indexOf("PID");
  if (column < 0)
    throw new CooperError("invalid-argument", `ps ${argv.join(" ")}: its output has no PID column`);
  const rows = lines
    .map((line) => splitColumns(line.trim(), headings.length))
    .filter((row) => pids.includes(Number(row[column])));
  return { headings, rows };
}

/** The last column keeps its blanks. */
function splitColumns(line: string, count: number): string[] {
  const words = line.split(/\s+/);
  return [...words.slice(0, count - 1), words.slice(count - 1).join(" ")];
}
