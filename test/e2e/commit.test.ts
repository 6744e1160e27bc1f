/** What a container changed: shown, exported, mounted, and made an image of. */
import { describe, expect, test } from "bun:test";
import { chownSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestHost, testHost, users } from "./host.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));

const script = [
  "echo new > /new",
  "rm /bin/ls",
  "chmod 700 /tmp",
  "echo x:x:9:9::/:/bin/sh >> /etc/passwd",
  "ln /etc/group /etc/group2",
  "rm -r /home; mkdir /home; echo 1 > /home/f",
  "chown 1:2 /var",
  "echo kept > /data/in-volume",
].join("; ");

const changes = [
  "C /bin",
  "D /bin/ls",
  "A /data",
  "C /etc",
  "A /etc/group2",
  "C /etc/passwd",
  "C /home",
  "A /home/f",
  "A /new",
  "C /tmp",
  "C /var",
];

async function changed(host: TestHost, ...options: string[]): Promise<void> {
  await host.must("run", "--name", "c", "-v", "/data", ...options, "hello", "sh", "-c", script);
}

/** Names and owners in a tar. */
function namesIn(tar: string): string[] {
  const listed = Bun.spawnSync(["tar", "-tvf", tar, "--numeric-owner"]).stdout.toString();
  return listed
    .trimEnd()
    .split("\n")
    .map((line) => {
      const [mode = "", owner = "", , , , ...name] = line.split(/ +/);
      return `${mode} ${owner} ${name.join(" ")}`;
    });
}

describe.each(everybody)("as $who", ({ user }) => {
  const namespaces = user === null ? ["host"] : ["host", "keep-id"];

  test.each(namespaces)(
    "diff, export and commit tell the same, with --userns %s",
    async (userns) => {
      await using host = await testHost(user);
      await changed(host, ...(userns === "host" ? [] : ["--userns", userns, "--user", "0"]));
      expect((await host.must("diff", "c")).split("\n")).toEqual(changes);
      const document = JSON.parse(await host.must("container", "diff", "--format", "json", "c"));
      expect(document.deleted).toEqual(["/bin/ls"]);
      const tar = join(host.place("files"), "c.tar");
      await host.must("export", "-o", tar, "c");
      const names = namesIn(tar);
      expect(names).toContain("drwx------ 0/0 tmp/");
      expect(names).toContain("drwxr-xr-x 1/2 var/");
      expect(names).toContain("-rw-r--r-- 0/0 new");
      expect(names.some((line) => line.endsWith(" bin/ls") || line.includes("in-volume"))).toBe(
        false,
      );
      await host.must("commit", "-m", "why", "-a", "me", "c", "example.com/made:1");
      expect((await host.must("image", "diff", "example.com/made:1")).split("\n")).toEqual(changes);
      const [first] = JSON.parse(
        await host.must("history", "--format", "json", "example.com/made:1"),
      );
      expect(first.comment).toBe("why");
      const look = "cat /new /home/f; stat -c %a:%u:%g /tmp /var; ls /bin/ls; true";
      const seen = await host.cooper("run", "--rm", "example.com/made:1", "sh", "-c", look);
      expect(seen.stdout).toBe("new\n1\n700:0:0\n755:1:2\n");
    },
  );

  test("commit takes over the configuration, and changes it", async () => {
    await using host = await testHost(user);
    await host.must(
      "create",
      "--name",
      "c",
      "-e",
      "A=b",
      "-l",
      "k=v",
      "--user",
      "7",
      "hello",
      "true",
    );
    const change = ["--change", 'CMD ["echo", "hi"]', "-c", "ENV B=c", "-c", "USER 0"];
    const file = join(host.place("files"), "config.json");
    writeFileSync(file, JSON.stringify({ WorkingDir: "/tmp", StopSignal: "SIGINT" }));
    const idFile = join(host.place("files"), "id");
    const id = await host.must(
      "commit",
      ...change,
      "--config",
      file,
      "--iidfile",
      idFile,
      "c",
      "made",
    );
    expect(`sha256:${readFileSync(idFile, "utf8")}`).toBe(id);
    const [image] = JSON.parse(await host.must("image", "inspect", "made"));
    expect(image.Config).toMatchObject({
      Cmd: ["echo", "hi"],
      User: "0",
      WorkingDir: "/tmp",
      StopSignal: "SIGINT",
    });
    expect(image.Config.Env).toContain("A=b");
    expect(image.Config.Env).toContain("B=c");
    expect(image.Config.Labels.k).toBe("v");
    expect(image.ManifestType).toBe("application/vnd.oci.image.manifest.v1+json");
    expect(await host.must("run", "--rm", "made")).toBe("hi");
    await host.must("commit", "-q", "--format", "docker", "c", "docker");
    const [docker] = JSON.parse(await host.must("image", "inspect", "docker"));
    expect(docker.ManifestType).toBe("application/vnd.docker.distribution.manifest.v2+json");
  });

  test("squashed, an image is one layer with all files", async () => {
    await using host = await testHost(user);
    await changed(host);
    await host.must("commit", "--squash", "c", "made");
    const [image] = JSON.parse(await host.must("image", "inspect", "made"));
    expect(image.RootFS.Layers.length).toBe(1);
    expect(image.Parent).toBe("");
    expect(
      await host.must("run", "--rm", "made", "sh", "-c", "cat /new; ls -d /bin/l[s]*"),
    ).toStartWith("new\n");
    expect(await host.must("diff", "made", "hello")).toContain("C /etc/passwd");
  });

  test("a running container is committed and exported, and goes on", async () => {
    await using host = await testHost(user);
    const loop = "while :; do echo x >> /log; sleep 0.05; done";
    await host.must("run", "-d", "--name", "c", "hello", "sh", "-c", loop);
    await host.must("commit", "c", "made");
    await host.must("commit", "--no-pause", "c", "made:2");
    const tar = join(host.place("files"), "c.tar");
    await host.must("export", "-o", tar, "c");
    expect(namesIn(tar).some((line) => line.endsWith(" log"))).toBe(true);
    const size = async () =>
      Number((await host.must("exec", "c", "sh", "-c", "wc -c < /log")).trim());
    const before = await size();
    await Bun.sleep(300);
    expect(await size()).toBeGreaterThan(before);
    expect(await host.must("ps", "--format", "{{.State}}")).toBe("running");
  });

  test("mounts show the files, and go with unmount or rm", async () => {
    await using host = await testHost(user);
    await host.must("create", "--name", "c", "hello", "cat", "/by-mount");
    const words = (...args: string[]) =>
      host
        .argv(...args)
        .slice(user === null ? 0 : -args.length - 5)
        .map((word) => `'${word}'`)
        .join(" ");
    const inside = async (text: string) =>
      (await host.must("unshare", "sh", "-ec", text)).trimEnd();
    const text = [
      `m=$(${words("mount", "c")})`,
      'echo mounted > "$m/by-mount"',
      `i=$(${words("image", "mount", "hello")})`,
      'cat "$i/etc/group" | head -1',
      '! touch "$i/x" 2> /dev/null',
      `${words("mount")} | wc -l`,
      `${words("image", "mount", "--format", "json")} | grep -c mountpoint`,
    ].join("\n");
    expect((await inside(text)).split("\n").map((line) => line.trim())).toEqual([
      "root:x:0:",
      "1",
      "1",
    ]);
    expect((await host.cooper("rmi", "hello")).stderr).toContain("is mounted");
    expect(await host.must("start", "-a", "c")).toBe("mounted");
    expect((await host.cooper("unmount", "c")).stderr).toContain("is not mounted");
    expect(await host.must("umount", "-f", "c")).toBe("");
    await host.must("mount", "c");
    await host.must("rm", "c");
    await host.must("image", "unmount", "--all");
    expect(await host.must("image", "mount")).toBe("");
  });

  test.each([
    { argv: ["diff", "nosuch"], message: "no such image: nosuch" },
    { argv: ["commit", "nosuch"], message: "nosuch" },
    { argv: ["commit", "c", "UPPER"], message: "UPPER" },
    { argv: ["commit", "-c", "FROM x", "c"], message: 'invalid change "FROM x"' },
    { argv: ["commit", "--format", "zip", "c"], message: "must be one of oci, docker" },
    { argv: ["export", "-o", "/nosuch/x", "c"], message: "cannot write /nosuch/x" },
    { argv: ["unmount"], message: "no container was named" },
    { argv: ["image", "mount", "nosuch"], message: "no such image" },
  ])("$argv is refused in words", async ({ argv, message }) => {
    await using host = await testHost(user);
    await host.must("create", "--name", "c", "hello");
    const result = await host.cooper(...argv);
    expect(result).toMatchObject({ exitCode: 125, stdout: "" });
    expect(result.stderr).toContain(message);
    expect(result.stderr).not.toContain("\n    at ");
  });
});

test("an export that is interrupted leaves no file", async () => {
  await using host = await testHost();
  await host.must("create", "--name", "c", "hello");
  const folder = host.place("files");
  await host.killedAt("linkat", 1, "export", "-o", join(folder, "c.tar"), "c");
  expect(readdirSync(folder)).toEqual([]);
  writeFileSync(join(folder, "c.tar"), "before");
  chownSync(join(folder, "c.tar"), 0, 0);
  await host.killedAt("rename,renameat,renameat2", 1, "export", "-o", join(folder, "c.tar"), "c");
  expect(readFileSync(join(folder, "c.tar"), "utf8")).toBe("before");
  expect(readdirSync(folder).filter((name) => !name.startsWith(".c.tar."))).toEqual(["c.tar"]);
  await host.must("image", "prune", "-f"); // sweeps
});

test("a commit that is killed lets the container go on", async () => {
  await using host = await testHost();
  const loop = "while :; do echo x >> /log; sleep 0.05; done";
  await host.must("run", "-d", "--name", "c", "hello", "sh", "-c", loop);
  await host.killedAt("rename,renameat,renameat2", 1, "commit", "c", "made");
  const deadline = Date.now() + 10_000;
  while (Date.now() < deadline && !(await host.cooper("exec", "c", "true")).stdout)
    if ((await host.cooper("exec", "c", "echo", "alive")).stdout === "alive\n") break;
  expect(await host.must("exec", "c", "echo", "alive")).toBe("alive");
  await host.must("commit", "c", "made"); // sweeps, too
});
