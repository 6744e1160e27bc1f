/** Every key of containers.conf that concerns a container: its effect, and the flag that goes before it. */
import { describe, expect, test } from "bun:test";
import type { RuntimeSpec } from "../oci/runtime-spec.ts";
import { parseValue } from "../option.ts";
import { defaultSettings, type Settings, withFile } from "../settings.ts";
import { configuredSpec } from "./configured.ts";
import { createOptions } from "./options/table.ts";
import { inputWith } from "./runtime-config/input.fixture.ts";
import type { RuntimeInput } from "./runtime-config/input.ts";
import { runtimeConfig } from "./runtime-config.ts";
import { type ConfiguredSpec, type ContainerSpec, emptySpec } from "./spec.ts";

/** `--flag=value`, as the command line reads them. */
function asked(...words: string[]): ContainerSpec {
  const spec = emptySpec();
  for (const word of words) {
    const [flag = "", value = "true"] = word.split(/=(.*)/s, 2);
    const option = createOptions.find((one) => one.flag === flag);
    if (option === undefined) throw new Error(`no option ${flag}`);
    option.apply?.(spec, parseValue(option, value, flag));
  }
  return spec;
}

const settingsOf = (toml: string): Settings =>
  withFile(defaultSettings({}, false), "test.conf", `[containers]\n${toml}`);

interface Row {
  readonly toml: string;
  readonly flags?: readonly string[];
  /** What to look at in the spec. */
  readonly spec?: (spec: ConfiguredSpec) => unknown;
  /** What to look at in config.json. */
  readonly config?: (config: RuntimeSpec) => unknown;
  readonly input?: Partial<RuntimeInput>;
  readonly expected: unknown;
  /** The same with these flags. */
  readonly overridden?: readonly [flags: readonly string[], expected: unknown];
}

const env = (name: string) => (config: RuntimeSpec) =>
  config.process.env.find((entry) => entry.startsWith(`${name}=`));
const limit = (type: string) => (config: RuntimeSpec) =>
  config.process.rlimits.find((one) => one.type === type)?.hard;
const hasNamespace = (type: string) => (config: RuntimeSpec) =>
  config.linux.namespaces.some((one) => one.type === type);

const rows: readonly Row[] = [
  {
    toml: 'annotations = ["a=1", "b=2"]',
    config: ({ annotations }) => [annotations?.a, annotations?.b],
    expected: ["1", "2"],
    overridden: [["--annotation=a=9"], ["9", "2"]],
  },
  {
    toml: 'apparmor_profile = "mine"',
    input: { hasApparmor: true },
    config: ({ process }) => process.apparmorProfile,
    expected: "mine",
    overridden: [["--security-opt=apparmor=other"], "other"],
  },
  {
    toml: 'base_hosts_file = "/h"',
    spec: ({ networking }) => networking.hostsFile,
    expected: "/h",
    overridden: [["--hosts-file=none"], "none"],
  },
  {
    toml: 'cgroups = "disabled"',
    config: ({ linux }) => linux.cgroupsPath,
    expected: undefined,
    overridden: [["--cgroups=enabled"], "/cooper/x"],
  },
  {
    toml: 'cgroupns = "host"',
    config: hasNamespace("cgroup"),
    expected: false,
    overridden: [["--cgroupns=private"], true],
  },
  {
    toml: 'cgroup_conf = ["memory.high=5"]',
    config: ({ linux }) => linux.resources?.unified,
    expected: { "memory.high": "5" },
    overridden: [["--cgroup-conf=memory.high=6"], { "memory.high": "6" }],
  },
  {
    toml: "container_name_as_hostname = true",
    config: ({ hostname }) => hostname,
    expected: "quiet_test",
    overridden: [["--hostname=h"], "h"],
  },
  {
    toml: 'default_capabilities = ["KILL"]',
    config: ({ process }) => process.capabilities.bounding,
    expected: ["CAP_KILL"],
    overridden: [["--cap-drop=ALL"], []],
  },
  {
    toml: 'default_sysctls = ["net.ipv4.ip_forward=1"]',
    config: ({ linux }) => linux.sysctl,
    expected: { "net.ipv4.ip_forward": "1" },
    overridden: [["--sysctl=net.ipv4.ip_forward=0"], { "net.ipv4.ip_forward": "0" }],
  },
  {
    toml: 'default_ulimits = ["nofile=10:20"]',
    config: limit("RLIMIT_NOFILE"),
    expected: 20,
    overridden: [["--ulimit=nofile=30:40"], 40],
  },
  {
    toml: 'devices = ["/dev/null:/dev/x:r"]',
    spec: ({ devices }) => devices.map(({ target, access }) => `${target} ${access}`),
    expected: ["/dev/x r"],
    overridden: [["--device=/dev/zero:/dev/x:w"], ["/dev/x w"]],
  },
  {
    toml: 'dns_options = ["ndots:3"]',
    spec: ({ networking }) => networking.dnsOptions,
    expected: ["ndots:3"],
    overridden: [["--dns-option=debug"], ["debug"]],
  },
  {
    toml: 'dns_searches = ["a.test"]',
    spec: ({ networking }) => networking.dnsSearch,
    expected: ["a.test"],
    overridden: [["--dns-search=b.test"], ["b.test"]],
  },
  {
    toml: 'dns_servers = ["1.1.1.1"]',
    spec: ({ networking }) => networking.dns,
    expected: ["1.1.1.1"],
    overridden: [["--dns=9.9.9.9"], ["9.9.9.9"]],
  },
  {
    toml: 'env = ["A=1"]',
    config: env("A"),
    expected: "A=1",
    overridden: [["--env=A=2"], "A=2"],
  },
  {
    toml: "env_host = true",
    input: { hostEnv: { OF_HOST: "y" } },
    config: env("OF_HOST"),
    expected: "OF_HOST=y",
    overridden: [["--env=OF_HOST=n"], "OF_HOST=n"],
  },
  {
    toml: "http_proxy = false",
    input: { hostEnv: { http_proxy: "p" } },
    config: env("http_proxy"),
    expected: undefined,
    overridden: [["--http-proxy"], "http_proxy=p"],
  },
  {
    toml: "init = true",
    config: ({ process }) => process.args[0],
    expected: "/run/cooper-init",
    overridden: [["--init=false"], "/bin/sh"],
  },
  {
    toml: 'ipcns = "host"',
    config: hasNamespace("ipc"),
    expected: false,
    overridden: [["--ipc=private"], true],
  },
  {
    toml: "label = false",
    spec: ({ labelOptions }) => labelOptions,
    expected: ["disable"],
    overridden: [["--security-opt=label=level:s0"], ["level:s0"]],
  },
  {
    toml: 'mounts = ["type=tmpfs,target=/t"]',
    spec: ({ mounts }) => mounts.map(({ kind, target }) => `${kind} ${target}`),
    expected: ["tmpfs /t"],
    overridden: [["--volume=/src:/t"], ["bind /t"]],
  },
  {
    toml: 'netns = "host"',
    spec: ({ networking }) => networking.mode.kind,
    expected: "host",
    overridden: [["--network=none"], "none"],
  },
  {
    toml: "no_hosts = true",
    spec: ({ networking }) => networking.managesHosts,
    expected: false,
    overridden: [["--no-hosts=false"], true],
  },
  {
    toml: "oom_score_adj = 100",
    config: ({ process }) => process.oomScoreAdj,
    expected: 100,
    overridden: [["--oom-score-adj=200"], 200],
  },
  {
    toml: 'pidns = "host"',
    config: hasNamespace("pid"),
    expected: false,
    overridden: [["--pid=private"], true],
  },
  {
    toml: "pids_limit = 7",
    config: ({ linux }) => linux.resources?.pids?.limit,
    expected: 7,
    overridden: [["--pids-limit=8"], 8],
  },
  {
    toml: "privileged = true",
    config: ({ linux }) => linux.maskedPaths,
    expected: [],
    overridden: [["--privileged=false", "--security-opt=unmask=ALL"], []],
  },
  {
    toml: "read_only = true",
    config: ({ root }) => root.readonly,
    expected: true,
    overridden: [["--read-only=false"], false],
  },
  {
    toml: 'seccomp_profile = "unconfined"',
    config: ({ linux }) => linux.seccomp,
    expected: undefined,
  },
  {
    toml: 'shm_size = "1m"',
    input: { shmPath: null },
    config: ({ mounts }) =>
      mounts.find(({ destination }) => destination === "/dev/shm")?.options?.at(-1),
    expected: "size=1048576",
    overridden: [["--shm-size=2m"], "size=2097152"],
  },
  {
    toml: 'umask = "0077"',
    config: ({ process }) => process.user.umask,
    expected: 0o77,
    overridden: [["--umask=0007"], 0o7],
  },
  {
    toml: 'userns = "keep-id"',
    spec: ({ userns }) => userns?.kind,
    expected: "keep-id",
    overridden: [["--userns=host"], "host"],
  },
  {
    toml: 'userns = "keep-id"',
    flags: ["--uidmap=0:1:1"],
    spec: ({ userns }) => userns,
    expected: null,
  },
  {
    toml: 'utsns = "host"',
    config: hasNamespace("uts"),
    expected: false,
    overridden: [["--uts=private"], true],
  },
  {
    toml: 'volumes = ["/src:/v:ro"]',
    spec: ({ mounts }) => mounts.map(({ target, readOnly }) => `${target} ${readOnly}`),
    expected: ["/v true"],
    overridden: [["--tmpfs=/v"], ["/v false"]],
  },
];

function observed(row: Row, flags: readonly string[]): unknown {
  const settings = settingsOf(row.toml);
  const spec = asked(...flags);
  if (row.spec !== undefined) return row.spec(configuredSpec(spec, settings));
  const { config } = runtimeConfig(
    inputWith({ spec, settings, ...(row.input && { input: row.input }) }),
  );
  return row.config?.(config);
}

describe("containers.conf", () => {
  test.each(rows)("$toml $flags", (row) => {
    expect(observed(row, row.flags ?? [])).toEqual(row.expected);
    if (row.overridden !== undefined) {
      const [flags, expected] = row.overridden;
      expect(observed(row, flags)).toEqual(expected);
    }
  });

  test.each([
    'volumes = ["no-target:"]',
    'mounts = ["type=what"]',
    'devices = ["x"]',
    'userns = "x"',
  ])("%s is refused by the name of its key", (toml) => {
    const key = toml.split(" ")[0];
    expect(() => configuredSpec(emptySpec(), settingsOf(toml))).toThrow(
      `containers.conf: containers.${key}: `,
    );
  });
});
