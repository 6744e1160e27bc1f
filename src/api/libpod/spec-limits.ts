/** Limits, as SpecGenerator and `update` say them: those of the OCI runtime spec, and rates by the paths of devices. Pure. */
import { Document } from "../document.ts";
import { asked, type Row } from "../spec-rows.ts";
import { flag, number, plain } from "./rows.ts";

/** By the path of the device on the host. */
const rates = (path: string, option: string, key: "rate" | "weight"): Row => [
  path,
  option,
  (at, name) =>
    at.map(name).map(([of, value]) => `${of}:${new Document(value, path).number(key) ?? 0}`),
];

/** All limits of a container. */
export const limitRows: readonly Row[] = [
  number("resource_limits.memory.limit", "--memory"),
  number("resource_limits.memory.reservation", "--memory-reservation"),
  number("resource_limits.memory.swap", "--memory-swap"),
  [
    "resource_limits.memory.swappiness",
    "--memory-swappiness",
    (at, name) => asked(at.number(name)),
  ],
  flag("resource_limits.memory.disableOOMKiller", "--oom-kill-disable"),
  number("resource_limits.cpu.shares", "--cpu-shares"),
  number("resource_limits.cpu.quota", "--cpu-quota"),
  number("resource_limits.cpu.period", "--cpu-period"),
  number("resource_limits.cpu.realtimeRuntime", "--cpu-rt-runtime"),
  number("resource_limits.cpu.realtimePeriod", "--cpu-rt-period"),
  plain("resource_limits.cpu.cpus", "--cpuset-cpus"),
  plain("resource_limits.cpu.mems", "--cpuset-mems"),
  number("resource_limits.blockIO.weight", "--blkio-weight"),
  // the clients that know no better send 0 for no limit
  [
    "resource_limits.pids.limit",
    "--pids-limit",
    (at, name) => asked(at.number(name)).map((text) => (text === "0" ? "-1" : text)),
  ],
  plain("resource_limits.unified", "--cgroup-conf"),
  rates("weightDevice", "--blkio-weight-device", "weight"),
  rates("throttleReadBpsDevice", "--device-read-bps", "rate"),
  rates("throttleWriteBpsDevice", "--device-write-bps", "rate"),
  rates("throttleReadIOPSDevice", "--device-read-iops", "rate"),
  rates("throttleWriteIOPSDevice", "--device-write-iops", "rate"),
  ["oom_score_adj", "--oom-score-adj", (at, name) => asked(at.number(name))],
  ["r_limits", "--ulimit", limitTexts],
  number("shm_size", "--shm-size"),
  number("shm_size_systemd", "--shm-size-systemd"),
  plain("intelRdt.closID", "--rdt-class"),
];

/** JSON has no number for what an unsigned -1 is. */
const unlimited = 2 ** 63;

function limitTexts(at: Document, name: string): string[] {
  return at.documents(name).map((limit) => {
    const bound = (key: string) => {
      const value = limit.value(key);
      return typeof value === "number" && value >= unlimited ? -1 : (limit.number(key) ?? 0);
    };
    const type = limit
      .string("type")
      .toLowerCase()
      .replace(/^rlimit_/, "");
    return `${type}=${bound("soft")}:${bound("hard")}`;
  });
}
