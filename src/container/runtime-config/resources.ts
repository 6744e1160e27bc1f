/** Limits of a container's cgroup (runtime-spec, config-linux.md, "Control groups"). */
import { CooperError } from "../../errors.ts";
import type { DeviceRule, RuntimeResources } from "../../oci/runtime-spec.ts";
import type { DeviceLimit, Resources } from "../spec.ts";
import type { RuntimeInput } from "./input.ts";
import { hasUserNamespace } from "./namespaces.ts";

/** `linux.cgroupsPath`; null: the container stays in the cgroup that the engine is in. */
export function cgroupPathOf(input: RuntimeInput): string | null {
  return input.spec.cgroups === "disabled" ? null : input.cgroup.path;
}

/** undefined: no limits at all, because there is no cgroup of its own to set them in. */
export function resources(input: RuntimeInput, warnings: string[]): RuntimeResources | undefined {
  const { spec, cgroup } = input;
  checkDeviceRules(input);
  if (cgroupPathOf(input) === null || !cgroup.canLimit) {
    const asked = askedLimits(spec.resources);
    if (asked.length > 0) {
      const why =
        spec.cgroups === "disabled"
          ? "the container has no cgroup"
          : "cgroups cannot be set up here";
      warnings.push(`limits are ignored, since ${why}: ${asked.join(", ")}`);
    }
    return undefined;
  }
  const devices = deviceRules(input);
  return { ...(devices.length > 0 && { devices }), ...limitsOf(input, warnings) };
}

/** What limits are made of. */
export interface LimitsInput extends Pick<RuntimeInput, "spec" | "settings" | "blockDevices"> {
  readonly cgroup: Pick<RuntimeInput["cgroup"], "version">;
}

/** The limits alone, as `update` sets them on a container that runs. */
export function limitsOf(input: LimitsInput, warnings: string[]): RuntimeResources {
  const { spec, cgroup } = input;
  const memory = memoryOf(spec.resources, cgroup.version, warnings);
  const cpu = cpuOf(spec.resources, cgroup.version, warnings);
  const blockIO = blockIoOf(input);
  const unified = unifiedOf(input);
  return {
    ...(memory !== undefined && { memory }),
    ...(cpu !== undefined && { cpu }),
    pids: { limit: pidsLimit(input) },
    ...(blockIO !== undefined && { blockIO }),
    ...(unified !== undefined && { unified }),
  };
}

/** -1 is unlimited; so are 0 and less for both peers. */
function pidsLimit({ spec, settings }: LimitsInput): number {
  const limit = spec.resources.pidsLimit ?? settings.pidsLimit;
  return limit > 0 ? limit : -1;
}

/** What a user would miss. The configured number of processes is not asked for. */
function askedLimits(limits: Resources): string[] {
  const named: readonly (readonly [
    string,
    number | string | null | readonly unknown[] | boolean,
  ])[] = [
    ["--memory", limits.memoryBytes],
    ["--memory-reservation", limits.memoryReservationBytes],
    ["--memory-swap", limits.memorySwapBytes],
    ["--memory-swappiness", limits.memorySwappiness],
    ["--oom-kill-disable", limits.oomKillDisable],
    ["--cpu-shares", limits.cpuShares],
    ["--cpus", limits.cpuQuotaMicroseconds],
    ["--cpu-period", limits.cpuPeriodMicroseconds],
    ["--cpu-rt-period", limits.cpuRealtimePeriodMicroseconds],
    ["--cpu-rt-runtime", limits.cpuRealtimeRuntimeMicroseconds],
    ["--cpuset-cpus", limits.cpusetCpus],
    ["--cpuset-mems", limits.cpusetMems],
    ["--blkio-weight", limits.blkioWeight],
    ["--blkio-weight-device", limits.blkioWeightDevice],
    ["--device-read-bps", limits.deviceReadBps],
    ["--device-write-bps", limits.deviceWriteBps],
    ["--device-read-iops", limits.deviceReadIops],
    ["--device-write-iops", limits.deviceWriteIops],
    ["--pids-limit", limits.pidsLimit],
    ["--cgroup-conf", Object.keys(limits.unified)],
  ];
  return named.flatMap(([flag, value]) => {
    const isAsked = Array.isArray(value) ? value.length > 0 : value !== null && value !== false;
    return isAsked ? [flag] : [];
  });
}

function memoryOf(
  limits: Resources,
  version: 1 | 2,
  warnings: string[],
): RuntimeResources["memory"] {
  const { memoryBytes, memoryReservationBytes, memorySwapBytes, memorySwappiness, oomKillDisable } =
    limits;
  if (memorySwapBytes !== null && memorySwapBytes > 0) {
    if (memoryBytes === null)
      throw new CooperError("invalid-argument", "--memory-swap needs --memory", {
        hint: "it is the sum of memory and swap",
      });
    if (memorySwapBytes < memoryBytes)
      throw new CooperError("invalid-argument", "--memory-swap must not be less than --memory", {
        hint: "it is the sum of memory and swap",
      });
  }
  if (
    memoryBytes !== null &&
    memoryBytes > 0 &&
    memoryReservationBytes !== null &&
    memoryReservationBytes > memoryBytes
  ) {
    throw new CooperError(
      "invalid-argument",
      "--memory-reservation must not be more than --memory",
    );
  }
  const hasMemory = memoryBytes !== null && memoryBytes !== 0;
  const swap =
    memorySwapBytes !== null && memorySwapBytes !== 0
      ? memorySwapBytes
      : hasMemory && memoryBytes > 0
        ? memoryBytes * 2
        : null;
  const isOld = version === 1;
  if (!isOld && memorySwappiness !== null && memorySwappiness >= 0)
    warnings.push("--memory-swappiness is ignored: cgroup v2 has no such limit");
  if (!isOld && oomKillDisable)
    warnings.push("--oom-kill-disable is ignored: cgroup v2 has no such switch");
  return orUndefined({
    ...(hasMemory && { limit: memoryBytes }),
    ...(memoryReservationBytes !== null &&
      memoryReservationBytes !== 0 && { reservation: memoryReservationBytes }),
    ...(swap !== null && { swap }),
    ...(isOld &&
      memorySwappiness !== null &&
      memorySwappiness >= 0 && { swappiness: memorySwappiness }),
    ...(isOld && oomKillDisable && { disableOOMKiller: true }),
  });
}

function cpuOf(limits: Resources, version: 1 | 2, warnings: string[]): RuntimeResources["cpu"] {
  const {
    cpuRealtimePeriodMicroseconds: realtimePeriod,
    cpuRealtimeRuntimeMicroseconds: realtimeRuntime,
  } = limits;
  const hasRealtime = realtimePeriod !== null || realtimeRuntime !== null;
  if (version === 2 && hasRealtime)
    warnings.push("--cpu-rt-period and --cpu-rt-runtime are ignored: cgroup v2 has no such limits");
  return orUndefined({
    ...(limits.cpuShares !== null && limits.cpuShares !== 0 && { shares: limits.cpuShares }),
    ...(limits.cpuQuotaMicroseconds !== null &&
      limits.cpuQuotaMicroseconds !== 0 && { quota: limits.cpuQuotaMicroseconds }),
    ...(limits.cpuPeriodMicroseconds !== null &&
      limits.cpuPeriodMicroseconds !== 0 && { period: limits.cpuPeriodMicroseconds }),
    ...(version === 1 && realtimePeriod !== null && { realtimePeriod }),
    ...(version === 1 && realtimeRuntime !== null && { realtimeRuntime }),
    ...(limits.cpusetCpus !== null && limits.cpusetCpus !== "" && { cpus: limits.cpusetCpus }),
    ...(limits.cpusetMems !== null && limits.cpusetMems !== "" && { mems: limits.cpusetMems }),
  });
}

function blockIoOf({ spec, blockDevices }: LimitsInput): RuntimeResources["blockIO"] {
  const { resources: limits } = spec;
  const numbered = ({ path, value }: DeviceLimit) => {
    const number = blockDevices[path];
    if (number === undefined)
      throw new CooperError("invalid-argument", `${path} is not a block device`);
    return { ...number, value };
  };
  const rates = (list: readonly DeviceLimit[]) =>
    list.map((item) => {
      const { major, minor, value } = numbered(item);
      return { major, minor, rate: value };
    });
  const weights = limits.blkioWeightDevice.map((item) => {
    const { major, minor, value } = numbered(item);
    return { major, minor, weight: value };
  });
  return orUndefined({
    ...(limits.blkioWeight !== null && limits.blkioWeight !== 0 && { weight: limits.blkioWeight }),
    ...(weights.length > 0 && { weightDevice: weights }),
    ...(limits.deviceReadBps.length > 0 && { throttleReadBpsDevice: rates(limits.deviceReadBps) }),
    ...(limits.deviceWriteBps.length > 0 && {
      throttleWriteBpsDevice: rates(limits.deviceWriteBps),
    }),
    ...(limits.deviceReadIops.length > 0 && {
      throttleReadIOPSDevice: rates(limits.deviceReadIops),
    }),
    ...(limits.deviceWriteIops.length > 0 && {
      throttleWriteIOPSDevice: rates(limits.deviceWriteIops),
    }),
  });
}

function unifiedOf({ spec, settings, cgroup }: LimitsInput): RuntimeResources["unified"] {
  const asked = spec.resources.unified;
  if (cgroup.version === 1) {
    if (Object.keys(asked).length === 0) return undefined;
    throw new CooperError("not-supported", "--cgroup-conf needs a host with cgroup v2");
  }
  const unified = { ...settings.cgroupConf, ...asked };
  const odd = Object.keys(unified).find((name) => !/^[a-z]+\.[\w.]+$/.test(name));
  if (odd !== undefined)
    throw new CooperError(
      "invalid-argument",
      `--cgroup-conf ${JSON.stringify(odd)} is no name of a cgroup file`,
    );
  return orUndefined(unified);
}

/** Everything refused, then what was asked for; the runtime adds /dev/null and its like itself. */
function deviceRules(input: RuntimeInput): DeviceRule[] {
  const { spec, devices } = input;
  // device cgroups are not for a user namespace to change: there only nodes that exist are bound in
  if (input.isRootless || hasUserNamespace(input)) return [];
  if (spec.isPrivileged) return [{ allow: true, access: "rwm" }];
  return [
    { allow: false, access: "rwm" },
    ...devices.map(({ type, major, minor, access }) => ({
      allow: true,
      type,
      major,
      minor,
      access,
    })),
    ...spec.deviceCgroupRules.map(parseDeviceRule),
  ];
}

function checkDeviceRules(input: RuntimeInput): void {
  const [first] = input.spec.deviceCgroupRules;
  if (first === undefined || !(input.isRootless || hasUserNamespace(input))) return;
  throw new CooperError(
    "not-supported",
    `--device-cgroup-rule "${first}": not possible in a user namespace`,
    {
      hint: "run the container as root and without --userns",
    },
  );
}

/** `TYPE MAJOR:MINOR ACCESS`, as in `c 42:* rwm` (cgroups v1, devices.rst). */
export function parseDeviceRule(text: string): DeviceRule {
  const match = /^([acb]) (\d{1,9}|\*):(\d{1,9}|\*) ([rwm]{1,3})$/.exec(text.trim());
  const [, type, major, minor, access] = match ?? [];
  if (access === undefined || (type !== "a" && type !== "b" && type !== "c")) {
    throw new CooperError(
      "invalid-argument",
      `invalid --device-cgroup-rule "${text}": must be TYPE MAJOR:MINOR ACCESS`,
      {
        hint: 'for example "c 42:* rwm"',
      },
    );
  }
  return {
    allow: true,
    type,
    ...(major !== undefined && major !== "*" && { major: Number(major) }),
    ...(minor !== undefined && minor !== "*" && { minor: Number(minor) }),
    access,
  };
}

function orUndefined<T extends object>(value: T): T | undefined {
  return Object.keys(value).length === 0 ? undefined : value;
}
