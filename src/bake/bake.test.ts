// biome-ignore-all lint/suspicious/noTemplateCurlyInString: HCL writes its own templates like that
import { describe, expect, test } from "bun:test";
import { interpolate, parseDotEnv } from "./compose-interpolation.ts";
import { allowedBySet, allowFlag, missingEntitlements } from "./entitlements.ts";
import { assertOverrides, parseOverride } from "./override.ts";
import { csv, listTargets, printPlan } from "./print.ts";
import { defineBake } from "./read.ts";
import { resolveTargets } from "./resolve.ts";
import { buildWords } from "./words.ts";

interface Asked {
  readonly files: Readonly<Record<string, string>>;
  readonly targets?: readonly string[];
  readonly set?: readonly string[];
  readonly env?: Readonly<Record<string, string>>;
  readonly vars?: Readonly<Record<string, string>>;
}

function define({ files, env = {}, vars = {} }: Asked) {
  return defineBake(
    Object.entries(files).map(([name, text]) => ({ name, text })),
    { env, variables: vars, platform: "linux/amd64" },
  );
}

function plan(asked: Asked) {
  const definition = define(asked);
  const overrides = (asked.set ?? []).map((text) => parseOverride(text, asked.env ?? {}));
  assertOverrides(overrides, definition.targets);
  return resolveTargets(definition, asked.targets ?? [], overrides);
}

const printed = (asked: Asked) => JSON.parse(printPlan(plan(asked)));
const usual = { context: ".", dockerfile: "Dockerfile" };

describe("HCL", () => {
  test("inherits, in the order of the list, as buildx's reference prints it", () => {
    const hcl = `
      target "app-dev" {
        args = {
          GO_VERSION = "1.20"
          BUILDX_EXPERIMENTAL = 1
        }
        tags = ["docker.io/username/myapp"]
        dockerfile = "app.Dockerfile"
        labels = {
          "org.opencontainers.image.source" = "https://github.com/username/myapp"
        }
      }
      target "_release" {
        args = {
          BUILDKIT_CONTEXT_KEEP_GIT_DIR = 1
          BUILDX_EXPERIMENTAL = 0
        }
      }
      target "app-release" {
        inherits = ["app-dev", "_release"]
        platforms = ["linux/amd64", "linux/arm64"]
      }`;
    const text = printPlan(plan({ files: { "docker-bake.hcl": hcl }, targets: ["app-release"] }));
    expect(text).toBe(`{
  "group": {
    "default": {
      "targets": [
        "app-release"
      ]
    }
  },
  "target": {
    "app-release": {
      "context": ".",
      "dockerfile": "app.Dockerfile",
      "args": {
        "BUILDKIT_CONTEXT_KEEP_GIT_DIR": "1",
        "BUILDX_EXPERIMENTAL": "0",
        "GO_VERSION": "1.20"
      },
      "labels": {
        "org.opencontainers.image.source": "https://github.com/username/myapp"
      },
      "tags": [
        "docker.io/username/myapp"
      ],
      "platforms": [
        "linux/amd64",
        "linux/arm64"
      ]
    }
  }
}
`);
  });

  test("a matrix makes targets and a group of them", () => {
    const hcl = `target "app" {
      name = "app-\${tgt}-\${replace(version, ".", "-")}"
      matrix = {
        tgt = ["foo", "bar"]
        version = ["1.0", "2.0"]
      }
      target = tgt
      args = { VERSION = version }
    }`;
    const { group, target } = printed({ files: { "docker-bake.hcl": hcl }, targets: ["app"] });
    expect(group).toEqual({
      app: { targets: ["app-foo-1-0", "app-foo-2-0", "app-bar-1-0", "app-bar-2-0"] },
      default: { targets: ["app"] },
    });
    expect(target["app-bar-2-0"]).toEqual({ ...usual, target: "bar", args: { VERSION: "2.0" } });
    expect(Object.keys(target)).toHaveLength(4);
  });

  test("variables: --var, then the environment, then the default; as what the default is", () => {
    const hcl = `
      variable "TAG" { default = "latest" }
      variable "N" { default = 1 }
      variable "ON" { default = false }
      variable "LIST" { default = ["a"] }
      variable "NONE" {}
      variable "TYPED" {
        type = list(string)
        default = null
      }
      variable "DERIVED" { default = "\${TAG}-\${N + 1}" }
      OLD = "attribute"
      target "default" {
        tags = [for t in LIST : "x/\${t}:\${TAG}"]
        args = { d = DERIVED, on = ON ? "yes" : "no", none = NONE, typed = TYPED == null ? "" : join("+", TYPED), old = OLD, p = BAKE_LOCAL_PLATFORM }
      }`;
    const files = { "docker-bake.hcl": hcl };
    expect(printed({ files }).target.default).toEqual({
      ...usual,
      tags: ["x/a:latest"],
      args: {
        d: "latest-2",
        old: "attribute",
        on: "no",
        p: "linux/amd64",
        typed: "",
      },
    });
    const env = { TAG: "env", N: "41", ON: "true", LIST: "b,c", NONE: "some", TYPED: "1,2" };
    const { tags, args } = printed({ files, env, vars: { TAG: "var" } }).target.default;
    expect(tags).toEqual(["x/b:var", "x/c:var"]);
    expect(args).toMatchObject({ d: "var-42", on: "yes", none: "some", typed: "1+2" });
    expect(() => plan({ files, env: { N: "many" } })).toThrow('the variable N cannot be "many"');
  });

  test("functions of its own, and what other blocks say", () => {
    const hcl = `
      function "increment" {
        params = [number]
        result = number + 1
      }
      function "tag" {
        params = [name]
        variadic_params = rest
        result = "\${name}:\${join(".", rest)}"
      }
      target "a" { context = "dir" }
      target "default" {
        context = "\${target.a.context}/sub"
        args = { n = increment(123) }
        tags = [tag("x", 1, 2)]
      }`;
    expect(printed({ files: { "docker-bake.hcl": hcl } }).target.default).toEqual({
      ...usual,
      context: "dir/sub",
      args: { n: "124" },
      tags: ["x:1.2"],
    });
  });

  test.each<[hcl: string, message: string]>([
    ['target "default" {\n  tag = ["x"]\n}', "f.hcl:2:3: a target has no tag (did you mean tags?)"],
    ['target "default" {\n  tags = "x"\n}', "f.hcl:2:3: tags: a list is needed"],
    [
      'target "default" {\n  dockerfile-inline = "FROM ${BASE}"\n}',
      "f.hcl:2:31: there is no variable named BASE",
    ],
    [
      'variable "A" { default = B }\nvariable "B" { default = A }\ntarget "default" {}',
      "A depends on itself",
    ],
    [
      'function "f" {\n  params = [x]\n  result = f(x)\n}\ntarget "default" { tags = [f(1)] }',
      "calls itself without an end",
    ],
    [
      'function "f" {\n  params = [x]\n  result = x\n}\ntarget "default" { tags = [f()] }',
      "f() takes 1 arguments, not 0",
    ],
    ['targe "x" {}', "f.hcl:1:1: a block targe is not known (did you mean target?)"],
    ["target {}", "the block target needs one name"],
    ['target "a b" {}\ngroup "default" { targets = ["a b"] }', 'invalid target name "a b"'],
    ['target "a" { name = "x" }', "a name needs a matrix"],
    ['target "a" { matrix = { x = [1, 2] } }', "it needs a name"],
    ['group "default" { target = ["a"] }', "a group has no target"],
    [
      'variable "V" {\n  default = "x"\n  validation {\n    condition = V != "x"\n    error_message = "not ${V}!"\n  }\n}',
      "f.hcl:3:3: not x!",
    ],
    ['variable "V" { defualt = 1 }', "a variable has no defualt"],
    ['target "default" { inherits = ["gone"] }', "failed to find target gone, which default needs"],
    ['target "default" { inherits = ["default"] }', "inherits from itself"],
    ['target "default" { contexts = { x = "target:default" } }', "an infinite loop"],
    ['target "default" { contexts = { x = "target:nothing" } }', "failed to find target nothing"],
    ['target "deault" {}', "failed to find target default"],
  ])("%s", (hcl, message) => {
    expect(() => plan({ files: { "f.hcl": hcl } })).toThrow(message);
  });
});

test("JSON says what HCL says, and later files go over earlier ones", () => {
  const json = {
    variable: { TAG: { default: "latest" } },
    group: { default: { targets: ["webapp"] } },
    target: { webapp: { dockerfile: "D", tags: ["user/webapp:${TAG}"], "no-cache": true } },
  };
  const files = {
    "docker-bake.json": JSON.stringify(json),
    "docker-bake.override.hcl":
      'variable "TAG" { default = "over" }\ntarget "webapp" { args = { A = upper(TAG) } }',
  };
  expect(printed({ files })).toEqual({
    group: { default: { targets: ["webapp"] } },
    target: {
      webapp: {
        context: ".",
        dockerfile: "D",
        args: { A: "OVER" },
        tags: ["user/webapp:over"],
        "no-cache": true,
      },
    },
  });
  expect(() => plan({ files: { "x.json": "{" } })).toThrow("x.json is no JSON");
  expect(() => plan({ files: { "x.json": '{"target": 1}' } })).toThrow("expected an object");
});

test("lists go over or behind one another, as buildx has it", () => {
  const hcl = `
    target "base" {
      tags = ["a"]
      cache-from = ["type=registry,ref=x", { type = "local", src = "a,b" }]
      output = [{ type = "local", dest = "out" }]
      secret = ["id=one"]
      no-cache-filter = ["s"]
      contexts = { c = "one", d = "two" }
    }
    target "default" {
      inherits = ["base"]
      tags = ["b"]
      cache-from = ["user/x"]
      secret = [{ id = "two", env = "E" }]
      contexts = { c = "three", d = "" }
      pull = "always"
      ssh = ["default=a.sock"]
    }`;
  expect(printed({ files: { "f.hcl": hcl } }).target.default).toEqual({
    context: ".",
    contexts: { c: "three" },
    dockerfile: "Dockerfile",
    tags: ["b"],
    "cache-from": [
      { ref: "x", type: "registry" },
      { src: "a,b", type: "local" },
      { ref: "user/x", type: "registry" },
    ],
    secret: [{ id: "one" }, { env: "E", id: "two" }],
    ssh: [{ id: "default", paths: "a.sock" }],
    output: [{ dest: "out", type: "local" }],
    pull: true,
    "no-cache-filter": ["s"],
  });
});

test("groups hold groups, and links are built first", () => {
  const hcl = `
    group "default" { targets = ["inner", "c"] }
    group "inner" { targets = ["a", "b"] }
    target "a" { contexts = { base = "target:lib" } }
    target "b" {}
    target "c" { contexts = { x = "target:a" } }
    target "lib" {}`;
  const { targets, groups } = plan({ files: { "f.hcl": hcl } });
  expect(targets.map(({ name, isLinked }) => `${name}${isLinked ? " linked" : ""}`)).toEqual([
    "lib linked",
    "a",
    "b",
    "c",
  ]);
  expect(groups.map(({ name }) => name)).toEqual(["default", "inner"]);
  expect(listTargets(define({ files: { "f.hcl": hcl } })).map(({ Name }) => Name)).toEqual([
    "a",
    "b",
    "c",
    "default",
    "inner",
    "lib",
  ]);
});

describe("--set", () => {
  const files = {
    "f.hcl": `
      group "default" { targets = ["web", "db"] }
      target "web" { tags = ["w"], args = { A = "1" } }
      target "db" { output = ["type=image,name=x"] }`.replace('["w"], args', '["w"]\nargs'),
  };
  const { web: _, ...onlyDb } = printed({ files }).target;

  test.each<[set: readonly string[], web: object, db: object]>([
    [["*.platform=linux/arm64"], { platforms: ["linux/arm64"] }, { platforms: ["linux/arm64"] }],
    [["web.tags=a", "web.tags=b"], { tags: ["a", "b"] }, {}],
    [["web.tags+=a"], { tags: ["w", "a"] }, {}],
    [["w*.args.B=2", "web.args.HOME"], { args: { A: "1", B: "2", HOME: "/h" } }, {}],
    [["web.args.UNSET"], { args: { A: "1" } }, {}],
    [["web.context=dir", "web.no-cache=true"], { context: "dir", "no-cache": true }, {}],
    [["db.push=true"], {}, { output: [{ name: "x", push: "true", type: "image" }] }],
    [["web.push=true"], { output: [{ type: "registry" }] }, {}],
    [["web.labels.a.b=c=d"], { labels: { "a.b": "c=d" } }, {}],
    [["web.secrets=id=x"], { secret: [{ id: "x" }] }, {}],
    [["web.contexts.base=docker-image://x"], { contexts: { base: "docker-image://x" } }, {}],
  ])("%p", (set, web, db) => {
    const { target } = printed({ files, set, env: { HOME: "/h" } });
    expect(target.web).toMatchObject(web);
    expect(target.db).toEqual({ ...onlyDb.db, ...db });
  });

  test.each<[set: string, message: string]>([
    ["web", "invalid override web"],
    ["web.tag=x", "a target has no tag"],
    ["web.args=x", "args requires a name"],
    ["web.tags.x=y", "tags has no parts"],
    ["web.tags", "it has no value"],
    ["none*.tags=x", "could not find any target matching 'none*'"],
    ["web.no-cache=maybe", "invalid value maybe for boolean key no-cache"],
  ])("%s", (set, message) => {
    expect(() => plan({ files, set: [set] })).toThrow(message);
  });
});

test("Compose services are targets", () => {
  const yaml = `
services:
  web.app:
    image: user/web:\${TAG:-latest}
    environment: {FROM_ENV: set}
    build:
      context: ./web
      dockerfile: D
      args: [A=1, FROM_ENV, SHELL_ENV, UNSET]
      additional_contexts: {base: "service:lib", files: ./files}
      secrets: [token, {source: other}]
      ulimits: {nproc: 10, nofile: {soft: 1, hard: 2}}
      extra_hosts: ["a.test=10.0.0.1"]
      shm_size: 64m
      cache_from: [user/cache]
      provenance: "true"
      x-bake:
        tags: [extra]
        platforms: linux/amd64 linux/arm64
        no-cache: true
        output: type=docker
  lib: {build: lib}
  db: {image: postgres}
secrets:
  token: {environment: TOKEN}
  other: {file: ./s}
`;
  const override = "services:\n  lib:\n    build: {target: stage}\n";
  const files = { "compose.yaml": yaml, "compose.override.yml": override };
  const { group, target } = printed({ files, env: { SHELL_ENV: "shell" } });
  expect(group.default.targets).toEqual(["web_app", "lib"]);
  expect(target.lib).toEqual({ context: "lib", dockerfile: "Dockerfile", target: "stage" });
  expect(target.web_app).toEqual({
    attest: [{ type: "provenance" }],
    context: "./web",
    contexts: { base: "target:lib", files: "./files" },
    dockerfile: "D",
    args: { A: "1", FROM_ENV: "set", SHELL_ENV: "shell" },
    tags: ["user/web:latest", "extra"],
    "cache-from": [{ ref: "user/cache", type: "registry" }],
    secret: [
      { env: "TOKEN", id: "token" },
      { id: "other", src: "./s" },
    ],
    platforms: ["linux/amd64", "linux/arm64"],
    output: [{ type: "docker" }],
    "no-cache": true,
    "shm-size": "64m",
    ulimits: ["nproc=10", "nofile=1:2"],
    "extra-hosts": { "a.test": "10.0.0.1" },
  });
});

test.each<[yaml: string, message: string]>([
  ["services: [1]", "services is no mapping"],
  ["a: [", "is no YAML"],
  ["services: {a: {build: {contxt: .}}}", "services.a.build.contxt is not known"],
  ["services: {a: {build: {tags: {x: 1}}}}", "services.a.build.tags is no text"],
  ["services: {a: {build: {privileged: true}}}", "get no more than others"],
  ["services: {a: {build: ., extends: b}}", "services.a.extends is not read"],
  ["services: {a: {build: {secrets: [s]}}}", "there is no secret s"],
  ["include: [x]", "include is not read"],
  ["services: {a: {build: '${X:?is needed}'}}", "the variable X is missing: is needed"],
  [
    `a: &a [x,x,x,x,x,x,x,x,x,x]\n${["b", "c", "d", "e", "f", "g", "h"]
      .map((name, at) => `${name}: &${name} [${`*${"abcdefgh"[at]},`.repeat(9)}]`)
      .join("\n")}\nservices: {}`,
    "Excessive aliasing",
  ],
])("%s", (yaml, message) => {
  expect(() => define({ files: { "compose.yaml": yaml } })).toThrow(message);
});

test.each<[text: string, expected: string]>([
  ["$A-${A}-${B:-d}-${E:-d}-${E-d}-${A:+i}${B:+i}", "a-a-d-d--i"],
  ["$$A ${B:-${A}${B-x}}", "$A ax"],
  ["no variables", "no variables"],
])("interpolate(%s)", (text, expected) => {
  expect(interpolate(text, { A: "a", E: "" })).toBe(expected);
});

test("parseDotEnv()", () => {
  const text = "# c\nA=1 # c\nexport B='x # y'\nC=\"l\\nm\"\n D = e \nbad line\n";
  expect(parseDotEnv(text)).toEqual({ A: "1", B: "x # y", C: "l\nm", D: "e" });
});

test("csv()", () => {
  expect(csv('a=1,"b=2,""3""",c')).toEqual(["a=1", 'b=2,"3"', "c"]);
});

test("buildWords() says it as a command line does", () => {
  const flags = {
    noCache: false,
    pull: false,
    push: false,
    sbom: null,
    provenance: null,
    call: null,
  };
  expect(
    buildWords(
      {
        context: "dir",
        dockerfile: "sub/D",
        args: { A: "x y", NONE: null },
        contexts: { base: "target:lib", here: "cwd://files" },
        tags: ["one", "two"],
        platforms: ["linux/amd64", "linux/arm64"],
        attest: ["type=sbom", "type=provenance,mode=max"],
        pull: true,
      },
      { ...flags, push: true, sbom: "true" },
    ),
  ).toEqual([
    "--file=dir/sub/D",
    "--build-arg=A=x y",
    "--tag=one",
    "--tag=two",
    "--attest=type=provenance,mode=max",
    "--build-context=base=target:lib",
    "--build-context=here=files",
    "--platform=linux/amd64,linux/arm64",
    "--pull=always",
    "--sbom=true",
    "--push",
    "--",
    "dir",
  ]);
  const remote = {
    context: "https://x.test/r.git#main",
    dockerfile: "D",
    "dockerfile-inline": "FROM x",
  };
  expect(buildWords(remote, flags)).toEqual(["--", "https://x.test/r.git#main"]);
});

describe("missingEntitlements()", () => {
  const places = {
    directory: "/home/me/app",
    readLink: (path: string) =>
      ({
        "/home/me/app/link": "/etc",
        "/home/me/app/deep": "/srv/a/b",
        "/home/me/app/new.tar": "../.profile",
        "/home/me/app/loop": "loop",
      })[path] ?? null,
  };
  const missing = (spec: object, allowed: readonly string[] = []) =>
    missingEntitlements([{ name: "t", spec, isLinked: false }], allowed, places).map(({ needs }) =>
      allowFlag(needs),
    );

  test.each<[spec: object, allowed: readonly string[], flags: readonly string[]]>([
    [{ context: ".", dockerfile: "Dockerfile" }, [], []],
    [{ context: "sub/../other", output: ["out", "type=tar,dest=./x.tar"] }, [], []],
    [{ context: "../lib" }, [], ["--allow fs.read=/home/me/lib"]],
    [{ context: "../app-two" }, [], ["--allow fs.read=/home/me/app-two"]],
    [{ context: "../lib" }, ["fs.read=.."], []],
    [{ context: "../lib" }, ["fs=/home/me/lib"], []],
    [{ context: "../lib" }, ["fs.read=*"], []],
    [{ context: "../lib" }, ["fs.write=*"], ["--allow fs.read=/home/me/lib"]],
    [{ context: "../lib" }, ["fs.read"], ["--allow fs.read=/home/me/lib"]],
    [{ entitlements: ["device=a", "device=b"] }, ["device=a"], ["--allow device=b"]],
    [{ entitlements: ["device=a"] }, ["device"], []],
    [{ context: "link" }, [], ["--allow fs.read=/etc"]],
    [{ context: ".", dockerfile: "/etc/D" }, [], ["--allow fs.read=/etc/D"]],
    [{ contexts: { a: "/a", b: "docker-image://x", c: "target:y" } }, [], ["--allow fs.read=/a"]],
    [{ secret: ["id=a,src=/root/key", "id=b,env=X"] }, [], ["--allow fs.read=/root/key"]],
    [{ ssh: ["k=/k1,/k2"] }, [], ["--allow fs.read=/k1", "--allow fs.read=/k2"]],
    [{ ssh: ["default"] }, [], ["--allow ssh"]],
    [{ ssh: ["default"] }, ["ssh"], []],
    [{ secret: ["id=a,src=ok,src=/root/key"] }, [], ["--allow fs.read=/root/key"]],
    [{ secret: ["id=../key"] }, [], ["--allow fs.read=/home/me/key"]],
    [{ secret: ["id=a,src=git@/../../key"] }, [], ["--allow fs.read=/home/me/key"]],
    [{ secret: ["id=a,src=deep/../key"] }, [], ["--allow fs.read=/srv/a/key"]],
    [{ context: "file:///home/me/x.git" }, [], ["--allow fs.read=/home/me/x.git"]],
    [{ context: "git@/../../lib" }, [], ["--allow fs.read=/home/me/lib"]],
    [{ context: "git@host:a/b.git", dockerfile: "D" }, [], []],
    [{ context: "github.com/a/b" }, [], []],
    [{ context: ".", dockerfile: "git@/../../D" }, [], ["--allow fs.read=/home/me/D"]],
    [{ contexts: { a: "oci-layout:///o:1" } }, [], ["--allow fs.read=/o"]],
    [{ contexts: { a: "docker-image:/../../o" } }, [], ["--allow fs.read=/home/me/o"]],
    [{ contexts: { a: "github.com/../../o" } }, [], ["--allow fs.read=/home/me/o"]],
    [{ output: ["X=/../../o"] }, [], ["--allow fs.write=/home/me/o"]],
    [{ output: ["type=tar,dest=a,dest=/o"] }, [], ["--allow fs.write=/o"]],
    [{ output: ["new.tar"] }, [], ["--allow fs.write=/home/me/.profile"]],
    [
      { output: ["/out", "type=local,dest=/etc"] },
      [],
      ["--allow fs.write=/out", "--allow fs.write=/etc"],
    ],
    [{ "cache-to": ["type=local,dest=/c"] }, [], ["--allow fs.write=/c"]],
    [{ "cache-from": ["type=local,src=/c"] }, [], ["--allow fs.read=/c"]],
    [{ network: "host" }, [], ["--allow network.host"]],
    [{ entitlements: ["network.host"] }, ["network.host"], []],
    [{ entitlements: ["security.insecure"] }, ["network.host"], ["--allow security.insecure"]],
  ])("%p with %p", (spec, allowed, flags) => {
    expect(missing(spec, allowed)).toEqual([...flags]);
  });

  test("links in circles are refused", () => {
    expect(() => missing({ context: "loop" })).toThrow("lead in circles");
  });

  test("what --set names is allowed", () => {
    const set = ["a*.context=../lib", "x.output=type=local,dest=/out"];
    const allowed = allowedBySet(set.map((text) => parseOverride(text, {})));
    expect(missing({ context: "../lib", output: ["/out"] }, allowed)).toEqual([]);
    expect(missing({ context: "../other" }, allowed)).toEqual(["--allow fs.read=/home/me/other"]);
  });
});
