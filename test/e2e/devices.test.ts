/** Devices, and what a host adds to its containers: CDI descriptions and OCI hooks. */
import { describe, expect, test } from "bun:test";
import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestHost, testHost, users } from "./host.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));

function put(host: TestHost, place: string, name: string, text: string): string {
  const file = join(host.place(place), name);
  writeFileSync(file, text);
  return file;
}

describe.each(everybody)("as $who", ({ user }) => {
  test("a CDI device brings its files, mounts and variables", async () => {
    await using host = await testHost(user);
    const given = put(host, "given", "driver", "of the vendor\n");
    const directory = host.place("cdi");
    put(
      host,
      "cdi",
      "vendor.yaml",
      `cdiVersion: "0.6.0"
kind: vendor.test/device
containerEdits:
  env: [VENDOR=yes]
devices:
  - name: first
    containerEdits:
      deviceNodes:
        - {path: /dev/vendor0, hostPath: /dev/zero}
      mounts:
        - {hostPath: ${given}, containerPath: /opt/driver, options: [ro, bind]}
`,
    );
    const options = ["--cdi-spec-dir", directory, "run", "--rm"];
    const script = "head -c 3 /dev/vendor0 | wc -c; cat /opt/driver; echo $VENDOR";
    const run = await host.cooper(
      ...options,
      "--device=vendor.test/device=first",
      "hello",
      "sh",
      "-c",
      script,
    );
    expect(run).toEqual({ exitCode: 0, stdout: "3\nof the vendor\nyes\n", stderr: "" });

    const missing = await host.cooper(...options, "--gpus=all", "hello", "true");
    expect(missing.exitCode).toBe(125);
    expect(missing.stderr).toContain("Error: no CDI device nvidia.com/gpu=all");
  });

  test("hooks run at their stages, for the containers that they are meant for", async () => {
    await using host = await testHost(user);
    const marks = host.place("marks");
    const program = put(host, "hooks", "mark", `#!/bin/sh\ncat > ${marks}/$1\n`);
    chmodSync(program, 0o755);
    for (const stage of ["prestart", "createRuntime", "createContainer", "poststart", "poststop"]) {
      const hook = { path: program, args: ["mark", stage] };
      const file = { version: "1.0.0", hook, when: { commands: ["true$"] }, stages: [stage] };
      put(host, "hooks", `${stage}.json`, JSON.stringify(file));
    }
    const options = ["--hooks-dir", join(host.directory, "hooks"), "run", "--rm", "hello"];
    const ls = async () => (await Array.fromAsync(new Bun.Glob("*").scan(marks))).sort();

    await host.must(...options, "echo");
    expect(await ls()).toEqual([]);

    await host.must(...options, "true");
    expect(await ls()).toEqual([
      "createContainer",
      "createRuntime",
      "poststart",
      "poststop",
      "prestart",
    ]);
    const state: unknown = JSON.parse(readFileSync(join(marks, "createRuntime"), "utf8"));
    expect(state).toMatchObject({ annotations: { "io.container.manager": "cooper" } });
  });

  test("a precreate hook changes the config", async () => {
    await using host = await testHost(user);
    const program = put(
      host,
      "hooks",
      "change",
      '#!/bin/sh\nsed \'s/"args":\\["echo","asked"\\]/"args":["echo","changed"]/\'\n',
    );
    chmodSync(program, 0o755);
    const file = {
      version: "1.0.0",
      hook: { path: program },
      when: { always: true },
      stages: ["precreate"],
    };
    put(host, "hooks", "change.json", JSON.stringify(file));
    const hooks = ["--hooks-dir", join(host.directory, "hooks")];
    expect(await host.must(...hooks, "run", "--rm", "hello", "echo", "asked")).toBe("changed");
  });
});

test("a failing hook fails the start, in words", async () => {
  await using host = await testHost();
  const program = put(host, "hooks", "fail", "#!/bin/sh\necho broken >&2\nexit 3\n");
  chmodSync(program, 0o755);
  const file = {
    version: "1.0.0",
    hook: { path: program },
    when: { always: true },
    stages: ["createRuntime"],
  };
  put(host, "hooks", "fail.json", JSON.stringify(file));
  const hooks = ["--hooks-dir", join(host.directory, "hooks")];
  const run = await host.cooper(...hooks, "run", "--rm", "hello", "true");
  expect(run.exitCode).toBe(125);
  expect(run.stderr).toContain("hook");
});
