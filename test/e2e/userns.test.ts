/** User namespaces of containers, in all the ways they can be asked for. */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestHost, testHost, users } from "./host.ts";

/** `INSIDE OUTSIDE SIZE` a line, as the container sees its ids. */
const mapOf = (text: string) =>
  text
    .trim()
    .split("\n")
    .map((line) => line.trim().split(/\s+/).map(Number));

const show = ["--network", "none", "hello", "cat", "/proc/self/uid_map"];

describe.each(users)("user namespaces as %p", (user) => {
  const own = user?.uid ?? 0;
  const ordinary: [string, number[][]][] = [
    [
      "keep-id",
      [
        [0, 1, own],
        [own, 0, 1],
        [own + 1, own + 1, 65536 - own],
      ],
    ],
    [
      "keep-id:uid=5,gid=6",
      [
        [0, 1, 5],
        [5, 0, 1],
        [6, 6, 65531],
      ],
    ],
    ["nomap", [[0, 1, 65536]]],
    ["auto", [[0, 1, 1024]]],
    ["auto:size=3000", [[0, 1, 3000]]],
    [
      "auto:size=100,uidmapping=5:1:1",
      [
        [0, 2, 5],
        [5, 1, 1],
        [6, 8, 94],
      ],
    ],
  ];

  test.each(user === null ? [] : ordinary)("--userns %s", async (mode, expected) => {
    await using host = await testHost(user);
    expect(mapOf(await host.must("run", "--rm", "--userns", mode, ...show))).toEqual(expected);
  });

  test("mappings of one's own, for users alone and for groups alone", async () => {
    await using host = await testHost(user);
    const maps = ["hello", "sh", "-c", "cat /proc/self/?id_map; ls -ldn /bin"];
    for (const option of ["--uidmap", "--gidmap"]) {
      const text = await host.must("run", "--rm", "--network", "none", option, "0:1:1000", ...maps);
      const [gids, uids, bin = ""] = text.split("\n");
      expect(mapOf(`${gids}\n${uids}`)).toEqual([
        [0, 1, 1000],
        [0, 1, 1000],
      ]);
      expect(bin.split(/\s+/).slice(2, 4)).toEqual(["0", "0"]);
    }
  });

  test("mappings that take the place of others, of ids of the machine", async () => {
    await using host = await testHost(user);
    const options =
      user === null ? ["--uidmap", "0:1:1000", "--uidmap", "+5:@5000"] : ["--uidmap", `+5:@${own}`];
    expect(mapOf(await host.must("run", "--rm", ...options, ...show))).toEqual(
      user === null
        ? [
            [0, 1, 5],
            [5, 5000, 1],
            [6, 7, 994],
          ]
        : [
            [0, 1, 5],
            [5, 0, 1],
            [6, 6, 65531],
          ],
    );
  });

  test.each([
    [["--uidmap", "0:1:10", "--uidmap", "9:100:1"], "the id 9 inside is mapped twice"],
    [["--subuidname", "nobody-here"], "nobody-here has no subordinate ids"],
    [["--userns", "private"], "needs mappings"],
    ...(user === null
      ? ([
          [["--userns", "keep-id"], "is for ordinary users"],
          [["--userns", "nomap"], "is for ordinary users"],
        ] as [string[], string][])
      : ([[["--uidmap", "0:900000:10"], "are none of your 65537"]] as [string[], string][])),
  ])("%p is refused in words", async (options, words) => {
    await using host = await testHost(user);
    const result = await host.cooper("run", "--rm", ...options, ...show);
    expect(result.exitCode).toBe(125);
    expect(result.stderr).toContain(words);
  });

  test("the namespace of another, by name and by path", async () => {
    await using host = await testHost(user);
    const id = await host.must(
      "run",
      "-d",
      "--network",
      "none",
      "--uidmap",
      "0:1:2000",
      "hello",
      "sleep",
      "100",
    );
    const pid = await host.must("inspect", "--format", "{{.State.Pid}}", id);
    for (const mode of [`container:${id}`, `ns:/proc/${pid}/ns/user`])
      expect(mapOf(await host.must("run", "--rm", "--userns", mode, ...show))).toEqual([
        [0, 1, 2000],
      ]);
    await host.must("rm", "-f", id);
  });
});

/** With subordinate ids of our choice: in a mount namespace, over the files of the machine. */
async function withIds(host: TestHost, lines: string, script: string) {
  const file = join(host.directory, "ids");
  writeFileSync(file, lines);
  const [cooper = "", ...options] = host.argv();
  const binds = `mount --bind ${file} /etc/subuid; mount --bind ${file} /etc/subgid`;
  const alias = `cooper() { ${[cooper, ...options].join(" ")} "$@"; }`;
  const child = Bun.spawn(["unshare", "-m", "sh", "-c", `${binds}\n${alias}\n${script}`], {
    cwd: "/tmp",
    env: host.environment(),
    stdio: ["ignore", "pipe", "inherit"],
  });
  const text = await new Response(child.stdout).text();
  expect(await child.exited).toBe(0);
  return text.trim();
}

test("auto takes root's ids from the user containers, for each container others", async () => {
  await using host = await testHost();
  const script = `for n in 1 2 3 4; do cooper create --name c$n --userns auto --network none hello cat /proc/self/uid_map > /dev/null & done
wait; for n in 1 2 3 4; do cooper start -a c$n; done`;
  const maps = mapOf(await withIds(host, "containers:3000000:400000\n", script));
  const starts = maps.map(([, outside = 0]) => outside).sort();
  expect(starts).toEqual([0, 1, 2, 3].map((n) => 3_000_000 + n * 65_536));
});

test("--subuidname takes the ranges of that user", async () => {
  await using host = await testHost();
  const script = `cooper run --rm --subuidname somebody ${show.join(" ")}`;
  const ids = "somebody:3000000:1000\nsomebody:4000000:50\n";
  expect(mapOf(await withIds(host, ids, script))).toEqual([
    [0, 3_000_000, 1000],
    [1000, 4_000_000, 50],
  ]);
});
