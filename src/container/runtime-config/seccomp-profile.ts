/**
 * Seccomp profiles in the format of docker and podman: system calls with conditions on capabilities,
 * machines and kernels. resolveSeccomp() decides the conditions and leaves what a runtime understands.
 */
import { CooperError } from "../../errors.ts";
import type { Seccomp, SeccompArgument, SeccompRule } from "../../oci/runtime-spec.ts";

/** When a rule holds: with all of `caps`, on one of `arches` (GOARCH), from `minKernel` on. */
export interface RuleFilter {
  readonly caps?: readonly string[];
  readonly arches?: readonly string[];
  readonly minKernel?: string;
}

/** A rule before its conditions are decided. */
export interface ProfileRule {
  readonly names: readonly string[];
  readonly action: string;
  readonly errnoRet?: number;
  readonly args?: readonly SeccompArgument[];
  readonly includes?: RuleFilter;
  readonly excludes?: RuleFilter;
}

/** A whole profile. */
export interface SeccompProfile {
  readonly defaultAction: string;
  readonly defaultErrnoRet?: number;
  readonly architectures?: readonly string[];
  readonly archMap?: readonly {
    readonly architecture: string;
    readonly subArchitectures: readonly string[];
  }[];
  readonly flags?: readonly string[];
  readonly listenerPath?: string;
  readonly listenerMetadata?: string;
  readonly syscalls: readonly ProfileRule[];
}

/** Where a profile is going to hold. */
export interface SeccompPlace {
  /** The bounding set. */
  readonly capabilities: readonly string[];
  /** GOARCH. */
  readonly architecture: string;
  /** uname(2) release. */
  readonly kernelRelease: string;
}

/** seccomp_arch_add(3) names by GOARCH. */
const nativeNames: Record<string, string> = {
  amd64: "SCMP_ARCH_X86_64",
  "386": "SCMP_ARCH_X86",
  arm64: "SCMP_ARCH_AARCH64",
  arm: "SCMP_ARCH_ARM",
  mips: "SCMP_ARCH_MIPS",
  mipsle: "SCMP_ARCH_MIPSEL",
  mips64: "SCMP_ARCH_MIPS64",
  mips64le: "SCMP_ARCH_MIPSEL64",
  ppc64: "SCMP_ARCH_PPC64",
  ppc64le: "SCMP_ARCH_PPC64LE",
  riscv64: "SCMP_ARCH_RISCV64",
  s390x: "SCMP_ARCH_S390X",
  loong64: "SCMP_ARCH_LOONGARCH64",
};

/** Keeps the rules that hold there. Neighbours that differ only in their names become one. */
export function resolveSeccomp(profile: SeccompProfile, place: SeccompPlace): Seccomp {
  const syscalls: SeccompRule[] = [];
  for (const { names, action, errnoRet, args = [], includes, excludes } of profile.syscalls) {
    if (!holds(includes, excludes, place)) continue;
    const last = syscalls.at(-1);
    if (
      last !== undefined &&
      args.length === 0 &&
      last.args === undefined &&
      last.action === action &&
      last.errnoRet === errnoRet
    ) {
      syscalls[syscalls.length - 1] = { ...last, names: [...last.names, ...names] };
      continue;
    }
    syscalls.push({
      names,
      action,
      ...(errnoRet !== undefined && { errnoRet }),
      ...(args.length > 0 && { args }),
    });
  }
  const architectures = architecturesFor(profile, place.architecture);
  const { defaultAction, defaultErrnoRet, flags, listenerPath, listenerMetadata } = profile;
  return {
    defaultAction,
    ...(defaultErrnoRet !== undefined && { defaultErrnoRet }),
    ...(architectures.length > 0 && { architectures }),
    ...(flags !== undefined && flags.length > 0 && { flags }),
    ...(listenerPath !== undefined && { listenerPath }),
    ...(listenerMetadata !== undefined && { listenerMetadata }),
    syscalls,
  };
}

function architecturesFor(profile: SeccompProfile, architecture: string): readonly string[] {
  if (profile.archMap === undefined) return profile.architectures ?? [];
  const native = nativeNames[architecture];
  const entry = profile.archMap.find((candidate) => candidate.architecture === native);
  return entry === undefined ? [] : [entry.architecture, ...entry.subArchitectures];
}

function holds(
  includes: RuleFilter | undefined,
  excludes: RuleFilter | undefined,
  place: SeccompPlace,
): boolean {
  const { capabilities, architecture, kernelRelease } = place;
  const here = architecture === "386" ? ["386", "x86"] : [architecture]; // profiles use libseccomp's word
  if (excludes?.arches?.some((name) => here.includes(name))) return false;
  if (excludes?.caps?.some((name) => capabilities.includes(name))) return false;
  if (excludes?.minKernel !== undefined && isAtLeast(kernelRelease, excludes.minKernel))
    return false;
  if (includes?.arches !== undefined && includes.arches.length > 0) {
    if (!includes.arches.some((name) => here.includes(name))) return false;
  }
  if (includes?.caps?.some((name) => !capabilities.includes(name))) return false;
  return includes?.minKernel === undefined || isAtLeast(kernelRelease, includes.minKernel);
}

function isAtLeast(release: string, minimum: string): boolean {
  const [major = 0, minor = 0] = release.split(/[^0-9]/, 2).map(Number);
  const [wantedMajor = 0, wantedMinor = 0] = minimum.split(".", 2).map(Number);
  return major > wantedMajor || (major === wantedMajor && minor >= wantedMinor);
}

/** Reads a user's profile, parsed from JSON: every part is checked, what is unknown is passed over. */
export function parseSeccompProfile(value: unknown): SeccompProfile {
  const profile = recordOf(value, "the profile");
  if (typeof profile.defaultAction !== "string") throw invalid("defaultAction is missing");
  const archMap = optionalList(profile.archMap, "archMap")?.map((item) => {
    const { architecture, subArchitectures } = recordOf(item, "an entry of archMap");
    return {
      architecture: textOf(architecture, "architecture"),
      subArchitectures: textsOf(subArchitectures, "subArchitectures") ?? [],
    };
  });
  const architectures = textsOf(profile.architectures, "architectures");
  if (archMap?.length && architectures?.length)
    throw invalid("it has both architectures and archMap");
  const errnoRet = errnoOf(profile.defaultErrno, profile.defaultErrnoRet, "the default");
  const flags = textsOf(profile.flags, "flags");
  return {
    defaultAction: profile.defaultAction,
    ...(errnoRet !== undefined && { defaultErrnoRet: errnoRet }),
    ...(archMap !== undefined && archMap.length > 0
      ? { archMap }
      : architectures !== undefined && { architectures }),
    ...(flags !== undefined && { flags }),
    ...(typeof profile.listenerPath === "string" && { listenerPath: profile.listenerPath }),
    ...(typeof profile.listenerMetadata === "string" && {
      listenerMetadata: profile.listenerMetadata,
    }),
    syscalls: (optionalList(profile.syscalls, "syscalls") ?? []).map(parseRule),
  };
}

function parseRule(value: unknown, index: number): ProfileRule {
  const what = `syscalls[${index}]`;
  const rule = recordOf(value, what);
  const many = textsOf(rule.names, `${what}.names`) ?? [];
  const hasOne = typeof rule.name === "string" && rule.name !== "";
  if (hasOne && many.length > 0) throw invalid(`${what} has both name and names`);
  const names = hasOne ? [textOf(rule.name, what)] : many;
  if (names.length === 0) throw invalid(`${what} names no system call`);
  const errnoRet = errnoOf(rule.errno, rule.errnoRet, what);
  const args = optionalList(rule.args, `${what}.args`)?.map((arg) => parseArgument(arg, what));
  return {
    names,
    action: textOf(rule.action, `${what}.action`),
    ...(errnoRet !== undefined && { errnoRet }),
    ...(args !== undefined && { args }),
    includes: parseFilter(rule.includes, `${what}.includes`),
    excludes: parseFilter(rule.excludes, `${what}.excludes`),
  };
}

function parseArgument(value: unknown, what: string): SeccompArgument {
  const argument = recordOf(value, `an argument of ${what}`);
  const [index, first, second] = [
    argument.index ?? 0,
    argument.value ?? 0,
    argument.valueTwo ?? 0,
  ].map((number) => {
    // JSON has one kind of number: above this it is not the one that was written any more
    if (typeof number === "number" && Number.isSafeInteger(number) && number >= 0) return number;
    throw invalid(
      `${what} has an argument that is no whole number below 2^53: ${JSON.stringify(number)}`,
    );
  });
  return {
    index: index ?? 0,
    value: first ?? 0,
    valueTwo: second ?? 0,
    op: textOf(argument.op, `${what}.args.op`),
  };
}

function parseFilter(value: unknown, what: string): RuleFilter {
  if (value === undefined || value === null) return {};
  const filter = recordOf(value, what);
  const caps = textsOf(filter.caps, `${what}.caps`);
  const arches = textsOf(filter.arches, `${what}.arches`);
  if (filter.minKernel !== undefined && !/^\d+\.\d+$/.test(textOf(filter.minKernel, what))) {
    throw invalid(`${what}.minKernel is no version such as 4.8`);
  }
  return {
    ...(caps !== undefined && { caps }),
    ...(arches !== undefined && { arches }),
    ...(typeof filter.minKernel === "string" && { minKernel: filter.minKernel }),
  };
}

/** errno(3) names that profiles use; a number stands for itself. */
const errnoNumbers: Record<string, number> = {
  EPERM: 1,
  ENOENT: 2,
  EINTR: 4,
  EIO: 5,
  EBADF: 9,
  EAGAIN: 11,
  ENOMEM: 12,
  EACCES: 13,
  EFAULT: 14,
  EBUSY: 16,
  EEXIST: 17,
  ENODEV: 19,
  EINVAL: 22,
  ENOSPC: 28,
  EROFS: 30,
  EDOM: 33,
  ERANGE: 34,
  ENOSYS: 38,
  EPROTONOSUPPORT: 93,
  ESOCKTNOSUPPORT: 94,
  EOPNOTSUPP: 95,
  ENOTSUP: 95,
  EAFNOSUPPORT: 97,
};

function errnoOf(name: unknown, number: unknown, what: string): number | undefined {
  if (typeof name === "string" && name !== "") {
    const found = /^\d{1,4}$/.test(name) ? Number(name) : errnoNumbers[name];
    if (found === undefined) throw invalid(`${what}: unknown errno ${JSON.stringify(name)}`);
    return found;
  }
  if (number === undefined || number === null) return undefined;
  if (typeof number === "number" && Number.isInteger(number) && number >= 0 && number < 4096)
    return number;
  throw invalid(`${what}: errnoRet is no error number`);
}

function recordOf(value: unknown, what: string): Record<string, unknown> {
  if (typeof value === "object" && value !== null && !Array.isArray(value)) return { ...value };
  throw invalid(`${what} is no JSON object`);
}

function optionalList(value: unknown, what: string): unknown[] | undefined {
  if (value === undefined || value === null) return undefined;
  if (Array.isArray(value)) return value;
  throw invalid(`${what} is no list`);
}

function textOf(value: unknown, what: string): string {
  if (typeof value === "string" && value !== "") return value;
  throw invalid(`${what} is no text`);
}

function textsOf(value: unknown, what: string): string[] | undefined {
  return optionalList(value, what)?.map((item) => textOf(item, `an entry of ${what}`));
}

function invalid(why: string): CooperError {
  return new CooperError("invalid-argument", `invalid seccomp profile: ${why}`);
}
