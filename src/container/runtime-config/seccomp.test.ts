import { describe, expect, test } from "bun:test";
import type { Seccomp, SeccompRule } from "../../oci/runtime-spec.ts";
import { defaultSeccompProfile } from "./seccomp.ts";
import { parseSeccompProfile, resolveSeccomp, type SeccompPlace } from "./seccomp-profile.ts";

const podmanDefaults = [
  "CAP_CHOWN",
  "CAP_DAC_OVERRIDE",
  "CAP_FOWNER",
  "CAP_FSETID",
  "CAP_KILL",
  "CAP_NET_BIND_SERVICE",
  "CAP_SETFCAP",
  "CAP_SETGID",
  "CAP_SETPCAP",
  "CAP_SETUID",
  "CAP_SYS_CHROOT",
];
const place: SeccompPlace = {
  capabilities: podmanDefaults,
  architecture: "amd64",
  kernelRelease: "6.1.0-13-amd64",
};
const filterWith = (more: readonly string[] = [], architecture = "amd64") =>
  resolveSeccomp(defaultSeccompProfile, {
    ...place,
    architecture,
    capabilities: [...podmanDefaults, ...more],
  });

/** What a call comes to, as the kernel's filter would decide it. */
function verdict(filter: Seccomp, name: string, args: readonly bigint[] = []): string {
  const matches = filter.syscalls.filter(
    (rule) =>
      rule.names.includes(name) && (rule.args ?? []).every((test) => argumentHolds(test, args)),
  );
  const verdicts = new Set(
    matches.map(({ action, errnoRet }) => (action === "SCMP_ACT_ALLOW" ? "allow" : `${errnoRet}`)),
  );
  if (verdicts.size > 1) throw new Error(`contradiction about ${name}`);
  return [...verdicts][0] ?? `${filter.defaultErrnoRet}`;
}

function argumentHolds(
  test: NonNullable<SeccompRule["args"]>[number],
  args: readonly bigint[],
): boolean {
  const value = args[test.index] ?? 0n;
  if (test.op === "SCMP_CMP_EQ") return value === BigInt(test.value);
  if (test.op === "SCMP_CMP_NE") return value !== BigInt(test.value);
  if (test.op === "SCMP_CMP_MASKED_EQ")
    return (value & BigInt(test.value)) === BigInt(test.valueTwo ?? 0);
  throw new Error(test.op);
}

describe("the default profile", () => {
  test.each([
    ["read", "allow"],
    ["clone3", "allow"],
    ["unshare", "allow"],
    ["mount", "allow"],
    ["setns", "allow"],
    ["chroot", "allow"],
    ["arch_prctl", "allow"],
    ["keyctl", "38"],
    ["add_key", "38"],
    ["request_key", "38"],
    ["io_uring_setup", "38"],
    ["io_uring_enter", "38"],
    ["io_uring_register", "38"],
    ["userfaultfd", "1"],
    ["bpf", "1"],
    ["perf_event_open", "1"],
    ["kexec_load", "1"],
    ["init_module", "1"],
    ["iopl", "1"],
    ["open_by_handle_at", "1"],
    ["clock_settime", "1"],
    ["socketcall", "1"],
    ["riscv_hwprobe", "38"],
    ["a_call_of_tomorrow", "38"],
  ])("%s: %s", (name, expected) => {
    expect(verdict(filterWith(), name)).toBe(expected);
  });

  test.each([
    ["bpf", "CAP_BPF"],
    ["bpf", "CAP_SYS_ADMIN"],
    ["perf_event_open", "CAP_PERFMON"],
    ["open_by_handle_at", "CAP_DAC_READ_SEARCH"],
    ["clock_settime", "CAP_SYS_TIME"],
    ["kcmp", "CAP_SYS_PTRACE"],
    ["init_module", "CAP_SYS_MODULE"],
    ["vhangup", "CAP_SYS_TTY_CONFIG"],
    ["acct", "CAP_SYS_PACCT"],
  ])("%s is allowed with %s", (name, capability) => {
    expect([verdict(filterWith(), name), verdict(filterWith([capability]), name)]).toEqual([
      "1",
      "allow",
    ]);
  });

  test("two capabilities for one call do not contradict each other", () => {
    expect(verdict(filterWith(["CAP_BPF", "CAP_SYS_ADMIN", "CAP_PERFMON"]), "bpf")).toBe("allow");
  });

  test("every address family but AF_ALG and AF_VSOCK is allowed, whatever the upper bits say", () => {
    for (const capabilities of [[], ["CAP_AUDIT_WRITE"]]) {
      const filter = filterWith(capabilities);
      for (const high of [0n, 1n << 32n, 0xffffffffn << 32n]) {
        const refused = Array.from({ length: 64 }, (_, family) => family).filter(
          (family) => verdict(filter, "socket", [high + BigInt(family), 3n, 0n]) !== "allow",
        );
        expect(refused).toEqual([38, 40]);
      }
    }
  });

  test.each([
    ["no audit without its capability", [], 16n, 9n, "22"],
    ["other netlink without it", [], 16n, 0n, "allow"],
    ["audit with it", ["CAP_AUDIT_WRITE"], 16n, 9n, "allow"],
    ["protocol 9 of another family", [], 2n, 9n, "allow"],
    ["AF_ALG with any protocol", [], 38n, 9n, "38"],
    ["AF_VSOCK with the capability", ["CAP_AUDIT_WRITE"], 40n, 0n, "38"],
  ])("sockets: %s", (_, capabilities, family, protocol, expected) => {
    expect(verdict(filterWith(capabilities), "socket", [family, 3n, protocol])).toBe(expected);
  });

  test.each([
    [0n, "allow"],
    [8n, "allow"],
    [0x20000n, "allow"],
    [0x20008n, "allow"],
    [0xffffffffn, "allow"],
    [0x40000n, "38"],
    [0x100040000n, "38"],
  ])("personality(%p): %s", (value, expected) => {
    expect(verdict(filterWith(), "personality", [value])).toBe(expected);
  });

  test("knows machines", () => {
    expect(filterWith().architectures).toEqual(["SCMP_ARCH_X86_64", "SCMP_ARCH_X86"]);
    expect(filterWith([], "arm64").architectures).toEqual(["SCMP_ARCH_AARCH64", "SCMP_ARCH_ARM"]);
    expect(filterWith([], "riscv64").architectures).toBeUndefined();
    expect(verdict(filterWith([], "s390x"), "socketcall")).toBe("allow");
    expect(verdict(filterWith([], "386"), "modify_ldt")).toBe("allow");
    expect(verdict(filterWith([], "arm64"), "arch_prctl")).toBe("38");
  });

  test("names no call twice without arguments", () => {
    const names = filterWith().syscalls.flatMap((rule) =>
      rule.args === undefined ? rule.names : [],
    );
    expect(names.length).toBe(new Set(names).size);
  });

  test("is read back as it is by the user's door", () => {
    const again = parseSeccompProfile(JSON.parse(JSON.stringify(defaultSeccompProfile)));
    expect(names(resolveSeccomp(again, place))).toEqual(names(filterWith()));
  });
});

const names = ({ syscalls }: Seccomp) => syscalls.map((rule) => rule.names);

describe("resolveSeccomp() of a user's profile", () => {
  const rows: [name: string, rule: object, isKept: boolean][] = [
    ["no condition", {}, true],
    ["nulls of Go", { includes: null, excludes: null, args: null }, true],
    ["a capability it has", { includes: { caps: ["CAP_CHOWN"] } }, true],
    ["one of two capabilities", { includes: { caps: ["CAP_CHOWN", "CAP_SYS_ADMIN"] } }, false],
    ["a capability that excludes", { excludes: { caps: ["CAP_SYS_ADMIN", "CAP_CHOWN"] } }, false],
    ["a capability it has not", { excludes: { caps: ["CAP_SYS_ADMIN"] } }, true],
    ["its machine", { includes: { arches: ["arm64", "amd64"] } }, true],
    ["another machine", { includes: { arches: ["arm64"] } }, false],
    ["an excluded machine", { excludes: { arches: ["amd64"] } }, false],
    ["an old kernel", { includes: { minKernel: "4.8" } }, true],
    ["a kernel to come", { includes: { minKernel: "6.10" } }, false],
    ["an excluded kernel", { excludes: { minKernel: "6.1" } }, false],
  ];
  test.each(rows)("with %s", (_, rule, isKept) => {
    const profile = parseSeccompProfile({
      defaultAction: "SCMP_ACT_ERRNO",
      syscalls: [{ names: ["read"], action: "SCMP_ACT_ALLOW", ...rule }],
    });
    expect(resolveSeccomp(profile, place).syscalls).toEqual(
      isKept ? [{ names: ["read"], action: "SCMP_ACT_ALLOW" }] : [],
    );
  });

  test("keeps errors by number and by name, and arguments", () => {
    const args = [{ index: 1, value: 2, valueTwo: 0, op: "SCMP_CMP_EQ" }];
    const profile = parseSeccompProfile({
      defaultAction: "SCMP_ACT_ERRNO",
      defaultErrno: "ENOSYS",
      flags: ["SECCOMP_FILTER_FLAG_LOG"],
      architectures: ["SCMP_ARCH_X86_64"],
      syscalls: [
        { name: "a", action: "SCMP_ACT_ERRNO", errno: "EPERM" },
        { names: ["b"], action: "SCMP_ACT_ERRNO", errnoRet: 5, args },
      ],
    });
    expect(resolveSeccomp(profile, place)).toEqual({
      defaultAction: "SCMP_ACT_ERRNO",
      defaultErrnoRet: 38,
      flags: ["SECCOMP_FILTER_FLAG_LOG"],
      architectures: ["SCMP_ARCH_X86_64"],
      syscalls: [
        { names: ["a"], action: "SCMP_ACT_ERRNO", errnoRet: 1 },
        { names: ["b"], action: "SCMP_ACT_ERRNO", errnoRet: 5, args },
      ],
    });
  });

  const action = "SCMP_ACT_ALLOW";
  test.each([
    [null, "no JSON object"],
    [[], "no JSON object"],
    [{}, "defaultAction is missing"],
    [{ defaultAction: action, syscalls: {} }, "syscalls is no list"],
    [{ defaultAction: action, syscalls: [{ action }] }, "syscalls[0] names no system call"],
    [
      { defaultAction: action, syscalls: [{ action, name: "a", names: ["b"] }] },
      "both name and names",
    ],
    [{ defaultAction: action, syscalls: [{ names: ["a"] }] }, "syscalls[0].action is no text"],
    [{ defaultAction: action, syscalls: [{ names: [1], action }] }, "is no text"],
    [
      { defaultAction: action, syscalls: [{ names: ["a"], action, errno: "EWHAT" }] },
      "unknown errno",
    ],
    [
      {
        defaultAction: action,
        syscalls: [{ names: ["a"], action, args: [{ index: 0, value: 2 ** 60, op: "x" }] }],
      },
      "below 2^53",
    ],
    [
      { defaultAction: action, architectures: ["a"], archMap: [{ architecture: "b" }] },
      "both architectures and archMap",
    ],
    [
      {
        defaultAction: action,
        syscalls: [{ names: ["a"], action, includes: { minKernel: "six" } }],
      },
      "no version",
    ],
  ])("refuses %j", (profile, message) => {
    expect(() => parseSeccompProfile(profile)).toThrow(message);
  });

  test("takes the profile that Debian ships", async () => {
    const file = Bun.file("/usr/share/containers/seccomp.json");
    if (!(await file.exists())) return; // only where podman's common files are installed
    const filter = resolveSeccomp(parseSeccompProfile(await file.json()), place);
    expect([verdict(filter, "read"), verdict(filter, "bpf")]).toEqual(["allow", "1"]);
  });
});
