import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Search } from "./settings/places.ts";
import { defaultSettings, loadSettings, type Settings, withFile } from "./settings.ts";

const defaults = defaultSettings({}, false);
const from = (text: string) => withFile(defaults, "/etc/test.conf", text);

describe("withFile()", () => {
  const rows: [name: string, text: string, expected: Partial<Settings>][] = [
    ["nothing", "", {}],
    ["a comment", "# [containers]\n  # pids_limit = 1", {}],
    ["a number", "[containers]\npids_limit = 5", { pidsLimit: 5 }],
    ["a flag", "[containers]\ninit = true", { init: true }],
    ["a size as text", '[containers]\nshm_size = "1m"', { shmSizeBytes: 1048576 }],
    ["a size as number", "[containers]\nshm_size = 4096", { shmSizeBytes: 4096 }],
    ["a list", '[containers]\nenv = ["A=1", "B=2"]', { env: ["A=1", "B=2"] }],
    [
      "a list that replaces",
      '[containers]\ndefault_capabilities = ["CHOWN"]',
      { defaultCapabilities: ["CHOWN"] },
    ],
    [
      "a list that appends",
      '[containers]\ndefault_capabilities = ["NET_RAW", {append=true}]',
      { defaultCapabilities: [...defaults.defaultCapabilities, "NET_RAW"] },
    ],
    ["pairs", '[containers]\nannotations = ["a=b=c"]', { annotations: { a: "b=c" } }],
    ["sysctls", "[containers]\ndefault_sysctls = []", { defaultSysctls: {} }],
    [
      "ulimits",
      '[containers]\ndefault_ulimits = ["nofile=1:2", "CORE=-1"]',
      {
        defaultUlimits: [
          { name: "nofile", soft: 1, hard: 2 },
          { name: "core", soft: -1, hard: -1 },
        ],
      },
    ],
    [
      "an empty text as unset",
      '[containers]\nuserns = ""\nseccomp_profile = ""',
      { userNamespace: null, seccompProfile: null },
    ],
    ["an unlimited log", "[containers]\nlog_size_max = -1", { logMaxBytes: null }],
    ["a limited log", "[containers]\nlog_size_max = 9000", { logMaxBytes: 9000 }],
    ["runtimes", '[engine.runtimes]\nmine = ["/opt/mine"]', { runtimes: { mine: ["/opt/mine"] } }],
    ["a runtime", '[engine]\nruntime = "runc"', { runtime: "runc" }],
    [
      "conmon, where it is",
      '[engine]\nconmon_path = ["/no/such/conmon", "/bin/sh"]',
      { conmonPath: "/bin/sh" },
    ],
    ["volumes of images", '[engine]\nimage_volume_mode = "bind"', { imageVolumeMode: "anonymous" }],
    ["the engine's init", '[engine]\ninit_path = "/x"', { initPath: "/x" }],
    [
      "docker's format",
      '[engine]\nimage_default_format = "v2s2"',
      { imageDefaultFormat: "docker" },
    ],
    [
      "pools",
      '[network]\ndefault_subnet_pools = [{"base" = "10.0.0.0/8", "size" = 24}]',
      { defaultSubnetPools: [{ base: "10.0.0.0/8", size: 24 }] },
    ],
    ["a # in a long text", '[containers]\nlog_tag = """a\n# b"""', { logTag: "a\n# b" }],
    [
      "unknown keys",
      "[containers]\nnew_key = 1\n[machine]\ncpus = 1",
      { ignoredKeys: ["/etc/test.conf: containers.new_key", "/etc/test.conf: [machine]"] },
    ],
    [
      "names of Object",
      "[containers]\nconstructor = 1\n[toString]\na = 1",
      { ignoredKeys: ["/etc/test.conf: containers.constructor", "/etc/test.conf: [toString]"] },
    ],
  ];
  test.each(rows)("reads %s", (_, text, expected) => {
    expect(from(text)).toEqual({ ...defaults, ...expected });
  });

  test.each([
    [
      '[containers]\npids_limit = "many"',
      '/etc/test.conf: containers.pids_limit must be a whole number, not "many"',
    ],
    ["[containers]\npids_limit = 1.5", "containers.pids_limit must be a whole number"],
    ['[containers]\ninit = "yes"', 'containers.init must be true or false, not "yes"'],
    ['[containers]\nenv = "A=1"', "containers.env must be a list of texts"],
    ["[containers]\nenv = [1]", "containers.env must be a text in quotes"],
    [
      '[containers]\nipcns = "mine"',
      "containers.ipcns must be one of host, none, private, shareable",
    ],
    ['[containers]\nshm_size = "big"', "containers.shm_size must be a size"],
    ["[containers]\nshm_size = -1", "containers.shm_size must be a size"],
    [
      '[containers]\ndefault_ulimits = ["nofile"]',
      "containers.default_ulimits must be a list of name=SOFT:HARD",
    ],
    [
      '[containers]\nannotations = ["novalue"]',
      "containers.annotations must be a list of key=value",
    ],
    ["[engine]\nruntimes = 1", "engine.runtimes must be a table"],
    ["containers = 1", "[containers] must be a table"],
    ["[containers\n", "/etc/test.conf is not valid TOML"],
  ])("refuses %j", (text, message) => {
    expect(() => from(text)).toThrow(message);
  });
});

describe("loadSettings()", () => {
  let root: string;
  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "settings-"));
    const put = (path: string, limit: number, more = "") => {
      const file = join(root, path);
      mkdirSync(dirname(file), { recursive: true });
      writeFileSync(file, `[containers]\npids_limit = ${limit}\n${more}`);
    };
    put("usr/share/containers/containers.conf", 1, "init = true\nenv_host = true");
    put("etc/containers/containers.conf", 2, 'log_tag = "etc"');
    put("etc/containers/containers.conf.d/20-b.conf", 4);
    put("etc/containers/containers.conf.d/10-a.conf", 3, 'log_tag = "a"');
    put("etc/containers/containers.conf.d/readme.txt", 99);
    put("home/.config/containers/containers.conf", 5);
    put("xdg/containers/containers.conf", 6);
    put("xdg/containers/containers.conf.d/x.conf", 7);
    put("one.conf", 8);
    put("override.conf", 9);
    put("etc/containers/containers.conf.modules/extra.conf", 10);
    put("drop/usr/share/containers/containers.conf.d/50-x.conf", 11, 'log_tag = "usr"');
    put("drop/usr/share/containers/containers.conf.d/60-y.conf", 12);
    put("drop/etc/containers/containers.conf.d/60-y.conf", 13);
    put("drop/etc/containers/containers.conf.d/05-z.conf", 14);
    put("drop/etc/containers/containers.rootful.conf.d/r.conf", 15);
    put("drop/etc/containers/containers.rootless.conf.d/r.conf", 16);
    put("drop/etc/containers/containers.rootless.conf.d/1234/u.conf", 17);
  });
  afterAll(() => rmSync(root, { recursive: true }));

  const search = (more: Partial<Search> = {}): Search => ({
    env: {},
    home: join(root, "home"),
    isRootless: false,
    uid: 0,
    modules: [],
    systemRoot: root,
    ...more,
  });

  const rows: [
    name: string,
    env: Record<string, string>,
    more: Partial<Search>,
    limit: number,
    tag: string | null,
  ][] = [
    ["as root", {}, {}, 4, "a"],
    ["as a user", {}, { isRootless: true }, 5, "a"],
    ["with XDG_CONFIG_HOME", { XDG_CONFIG_HOME: "xdg" }, { isRootless: true }, 7, "a"],
    ["with CONTAINERS_CONF alone", { CONTAINERS_CONF: "one.conf" }, { isRootless: true }, 8, null],
    ["with an override", { CONTAINERS_CONF_OVERRIDE: "override.conf" }, {}, 9, "a"],
    [
      "with both",
      { CONTAINERS_CONF: "one.conf", CONTAINERS_CONF_OVERRIDE: "override.conf" },
      {},
      9,
      null,
    ],
    ["with a module", {}, { modules: ["extra.conf"] }, 10, "a"],
    [
      "with a module on one file",
      { CONTAINERS_CONF: "one.conf" },
      { modules: ["extra.conf"] },
      10,
      null,
    ],
  ];
  test.each(rows)("reads the files in order %s", (_, env, more, limit, tag) => {
    const absolute = Object.fromEntries(
      Object.entries(env).map(([name, path]) => [name, join(root, path)]),
    );
    const settings = loadSettings(search({ env: absolute, ...more }));
    expect([settings.pidsLimit, settings.logTag, settings.init]).toEqual([
      limit,
      tag,
      tag !== null,
    ]);
  });

  test.each([
    { who: "root", isRootless: false, uid: 0, limit: 15 },
    { who: "some user", isRootless: true, uid: 99, limit: 16 },
    { who: "the user of that id", isRootless: true, uid: 1234, limit: 17 },
  ])("drop-ins of $who: the last directory's win, one of a name", ({ isRootless, uid, limit }) => {
    const settings = loadSettings(
      search({ systemRoot: join(root, "drop"), isRootless, uid, home: "/no" }),
    );
    expect([settings.pidsLimit, settings.logTag]).toEqual([limit, "usr"]);
  });

  test("takes the defaults where there is no file", () => {
    expect(
      loadSettings(search({ home: "/no/home", isRootless: true, systemRoot: "/no/such/root" })),
    ).toEqual(defaultSettings({}, true));
  });

  test.each([
    [{ env: { CONTAINERS_CONF: "/no/such" } }, "CONTAINERS_CONF names /no/such"],
    [{ env: { CONTAINERS_CONF_OVERRIDE: "/no/such" } }, "CONTAINERS_CONF_OVERRIDE names /no/such"],
    [{ modules: ["/no/such"] }, "--module names /no/such"],
    [{ modules: ["absent.conf"] }, "no module absent.conf"],
  ])("%o names a file in vain", (more, message) => {
    expect(() => loadSettings(search(more))).toThrow(message);
  });
});
