import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { cdiEdits } from "./cdi.ts";
import { parseDevice, parseGpus } from "./options/files.ts";

const common = { cdiVersion: "0.6.0", kind: "test.org/thing" };

describe("cdiEdits()", () => {
  let root: string;
  const directories = () => [join(root, "etc"), join(root, "run")];
  const put = (name: string, text: string) => writeFileSync(join(root, name), text);

  beforeAll(() => {
    root = mkdtempSync(join(tmpdir(), "cdi-"));
    for (const directory of directories()) mkdirSync(directory);
    put(
      "etc/a.json",
      JSON.stringify({
        ...common,
        containerEdits: { env: ["ALL=1"] },
        devices: [
          {
            name: "one",
            containerEdits: {
              env: ["ONE=1"],
              deviceNodes: [{ path: "/dev/one", hostPath: "/dev/null", permissions: "rw" }],
              mounts: [{ hostPath: "/opt", containerPath: "/vendor" }],
              hooks: [{ hookName: "createContainer", path: "/bin/true", args: ["true", "x"] }],
              additionalGids: [0, 44],
            },
          },
          { name: "two", containerEdits: { env: ["TWO=etc"] } },
        ],
      }),
    );
    put(
      "run/b.yaml",
      `cdiVersion: "0.7.0"
kind: test.org/thing
devices:
  - name: two
    containerEdits:
      env: ["TWO=run"]
      intelRdt: {closID: class1}
      deviceNodes:
        - path: /dev/made
          type: c
          major: 7
          minor: 9
          fileMode: 384
          uid: 5
`,
    );
    put("run/broken.json", "{");
    put(
      "run/gpu.yml",
      `cdiVersion: "1.0.0"\nkind: nvidia.com/gpu\ndevices:\n  - name: 0\n    containerEdits: {env: [GPU=0]}\n  - name: all\n    containerEdits: {env: [GPU=all]}\n`,
    );
    put(
      "etc/bad.json",
      JSON.stringify({
        ...common,
        kind: "bad.org/thing",
        devices: [
          { name: "absent", containerEdits: { deviceNodes: [{ path: "/dev/no-such-device" }] } },
          { name: "net", containerEdits: { netDevices: [{ hostInterfaceName: "x" }] } },
          { name: "mount", containerEdits: { mounts: [{ hostPath: "/x", containerPath: "x" }] } },
        ],
      }),
    );
  });
  afterAll(() => rmSync(root, { recursive: true }));

  const edits = (devices: string[], gpus: string[] = []) =>
    cdiEdits(directories(), { devices: devices.map(parseDevice), gpus: gpus.flatMap(parseGpus) });

  test("takes everything that a description asks for", () => {
    const { devices, edits: rest } = edits(["test.org/thing=one"]);
    expect(devices).toMatchObject([
      { source: "/dev/null", path: "/dev/one", type: "c", major: 1, minor: 3, access: "rw" },
    ]);
    expect(rest).toEqual({
      env: ["ALL=1", "ONE=1"],
      mounts: [
        {
          source: "/opt",
          destination: "/vendor",
          type: "bind",
          options: ["bind", "ro", "nosuid", "nodev"],
        },
      ],
      hooks: { createContainer: [{ path: "/bin/true", args: ["true", "x"], env: [] }] },
      additionalGids: [44],
      rdtClass: null,
    });
  });

  test("the later directory's description of a device goes before", () => {
    const { devices, edits: rest } = edits(["test.org/thing=two"]);
    expect([rest.env, rest.rdtClass]).toEqual([["TWO=run"], "class1"]);
    expect(devices).toMatchObject([{ major: 7, minor: 9, mode: 0o600, uid: 5, access: "rwm" }]);
  });

  test.each([
    ["all", ["GPU=all"]],
    ["device=0", ["GPU=0"]],
    ["device=0,all", ["GPU=0", "GPU=all"]],
    ["count=all,capabilities=gpu", ["GPU=all"]],
    ['"device=0,all"', ["GPU=0", "GPU=all"]], // as Docker's manual has it
    ['driver=nvidia,"device=0,all"', ["GPU=0", "GPU=all"]],
    ["nvidia.com/gpu=0", ["GPU=0"]],
  ])("--gpus %s", (text, env) => {
    expect(edits([], [text]).edits.env).toEqual(env);
  });

  test.each([
    ["test.org/thing=three", "no CDI device test.org/thing=three"],
    ["bad.org/thing=absent", "there is no device /dev/no-such-device"],
    ["bad.org/thing=net", "netDevices are not supported"],
    ["bad.org/thing=mount", '"x" is no absolute path'],
  ])("refuses %s", (name, message) => {
    expect(() => edits([name])).toThrow(message);
  });

  test("what cannot be read is named where a device is missed", () => {
    let hint = "";
    try {
      edits(["test.org/thing=three"]);
    } catch (error) {
      hint = (error as { hint: string }).hint;
    }
    expect(hint).toContain("broken.json");
  });

  test.each(["2", "gpu=1", "device", "driver=nvidia", '"capabilities=gpu,device=0"', "device="])(
    "--gpus %s does not say which",
    (text) => {
      expect(() => parseGpus(text)).toThrow();
    },
  );
});
