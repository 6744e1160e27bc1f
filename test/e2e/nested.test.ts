/**
 * Cooper in a container of its own making: what a build job in a cluster, or on a hosted runner, has.
 * The outer container's programs are the host's own.
 */
import { describe, expect, test } from "bun:test";
import { accessSync, constants, existsSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { binary, type TestHost, testHost, users } from "./host.ts";
import { dockerArchiveOf, layersOf, tarOf } from "./images.ts";

/** Directories of the host's that the outer container sees, and links as in a merged /usr. */
const outerRoot = [
  ...["bin", "sbin", "lib", "lib64"].map((name) => ({ path: name, link: `usr/${name}` })),
  ...["usr/.keep", "cooper/.keep", "tmp/.keep", "root/.keep", "home/user/.keep"].map((path) => ({
    path,
  })),
  {
    path: "etc/passwd",
    content: "root:x:0:0::/root:/bin/sh\nuser:x:1000:1000::/home/user:/bin/sh\n",
  },
  { path: "etc/group", content: "root:x:0:\nuser:x:1000:\n" },
];

/** An image whose second layer takes a file away from the first, and hides what was in a directory. */
function archive(): Uint8Array {
  const lower = tarOf([
    { path: "gone", content: "1" },
    { path: "kept", content: "1" },
    { path: "d/old", content: "1" },
  ]);
  const upper = tarOf([
    { path: ".wh.gone" },
    { path: "d/.wh..wh..opq" },
    { path: "d/new", content: "2" },
  ]);
  return dockerArchiveOf("inner", [...layersOf(1), lower, upper]);
}

async function outer(host: TestHost): Promise<void> {
  const tar = join(host.directory, "outer.tar");
  writeFileSync(tar, tarOf(outerRoot, "--mode=a+rwx"));
  writeFileSync(join(host.directory, "inner.tar"), archive());
  await host.must("import", tar, "outer");
}

/** Runs a script as the first process of a container with these options. */
function inside(host: TestHost, options: readonly string[], script: string) {
  const volumes = ["-v", "/usr:/usr:ro", "-v", `${dirname(binary)}:/cooper:ro`];
  const archives = ["-v", `${host.directory}/inner.tar:/inner.tar:ro`];
  const environment = ["-e", "PATH=/cooper:/usr/sbin:/usr/bin", "-e", "HOME=/root"];
  const words = ["run", "--rm", "--network", "none", ...environment, ...volumes, ...archives];
  return host.cooper(...words, ...options, "outer", "sh", "-c", script);
}

const script = `
cooper load -q -i /inner.tar > /dev/null
cooper run --rm inner sh -c 'ls /gone /kept /d; id -u'
cooper run -d --name y --network none inner sleep 100 > /dev/null
cooper exec y sh -c 'echo within > /f; cat /f; rm -r /d /kept; mkdir /d'
cooper stop -t 0 y > /dev/null
cooper start y > /dev/null
cooper exec y cat /f
cooper commit -q y changed > /dev/null
cooper diff y
cooper rm -f y > /dev/null
cooper run --rm --network none changed sh -c 'cat /f; ls -A /d /kept 2> /dev/null; true'
cooper image diff inner
cooper system check && echo whole
cooper run --rm --network none --mount type=image,source=inner,destination=/d inner ls -A /d /d/d
{ echo FROM inner AS one; echo WORKDIR /w; echo RUN 'rm /kept; echo made > f'
  echo FROM inner; echo COPY --from=one /w /w2
  echo RUN --mount=from=one,target=/o 'ls /o/kept /o/w > /seen 2> /dev/null; true'
} | cooper build -q --network none -t built - > /dev/null
cooper run --rm --network none built cat /w2/f /seen
cooper info --format '{{.store.graphDriverName}}'
`;
const lines = [
  ...["/kept", "", "/d:", "new", "0", "within", "within"],
  ...["C /d", "D /d/new", "A /etc", "A /f", "D /kept", "within", "/d:"],
  ...["C /d", "A /d/new", "D /d/old", "D /gone", "whole"],
  ...["/d:", "bin", "d", "kept", "tmp", "", "/d/d:", "new"],
  ...["made", "/o/w:", "f"],
];

const canFuse = (() => {
  try {
    accessSync("/dev/fuse", constants.R_OK | constants.W_OK);
    return existsSync("/usr/bin/fuse-overlayfs");
  } catch {
    return false;
  }
})();

/** What the outer container is given, and what becomes of layers then. */
const ways: { options: string[]; driver: string; needsFuse?: boolean; needsRoot?: boolean }[] = [
  { options: [], driver: "vfs" },
  { options: ["--security-opt", "seccomp=unconfined"], driver: "vfs" },
  { options: ["--cap-add", "sys_admin"], driver: "vfs" },
  {
    options: ["--device", "/dev/fuse"],
    driver: "fuse-overlayfs",
    needsFuse: true,
    needsRoot: true,
  },
  { options: ["--privileged", "-e", "STORAGE_DRIVER=vfs"], driver: "vfs" },
  { options: ["--tmpfs", "/root"], driver: "overlay" },
  { options: ["-u", "1000", "-e", "HOME=/home/user"], driver: "vfs" },
];

describe.each(users)("in a container of %p", (user) => {
  test.each(ways)("with $options it runs, by $driver", async (way) => {
    if (way.needsFuse && !canFuse)
      return console.warn("skipped: no /dev/fuse, or no fuse-overlayfs");
    if (way.needsRoot && user !== null) return console.warn("skipped: /dev/fuse is root's here");
    await using host = await testHost(user);
    await outer(host);
    const result = await inside(host, way.options, script);
    expect(result.stdout.trim().split("\n")).toEqual([...lines, way.driver]);
    const notices = result.stderr.match(/a copy of its image \(vfs\)/g) ?? [];
    const isTold = way.driver === "vfs" && !way.options.includes("STORAGE_DRIVER=vfs");
    expect(notices).toHaveLength(isTold ? 1 : 0);
  });
});

/** An outer container whose seccomp filter refuses these calls, as Docker's refuses more than ours. */
function refusing(host: TestHost, ...names: string[]): string[] {
  const profile = join(host.directory, "seccomp.json");
  const rule = { names, action: "SCMP_ACT_ERRNO", errnoRet: 1 };
  writeFileSync(profile, JSON.stringify({ defaultAction: "SCMP_ACT_ALLOW", syscalls: [rule] }));
  return ["--security-opt", `seccomp=${profile}`];
}

test("what the outer container forbids, and it can do without, it does without", async () => {
  await using host = await testHost();
  await outer(host);
  const options = refusing(host, "sethostname", "setdomainname", "keyctl", "add_key");
  const result = await inside(host, options, script);
  expect(result.stdout.trim().split("\n")).toEqual([...lines, "vfs"]);
});

test("where the outer container forbids user namespaces, that is said with its cure", async () => {
  await using host = await testHost();
  await outer(host);
  const result = await inside(host, refusing(host, "unshare"), "cooper run --rm hello true");
  expect(result.exitCode).toBe(125);
  expect(result.stderr).toContain("cannot make a user namespace");
  expect(result.stderr).toContain("--security-opt seccomp=unconfined");
});

test("without /dev/net/tun the surrounding network is used, told once, and what cannot be is refused", async () => {
  await using host = await testHost();
  await outer(host);
  const run = "cooper run --rm";
  const result = await inside(
    host,
    ["-e", "STORAGE_DRIVER=vfs"],
    `${run} --network none hello true; echo none: $?
${run} hello readlink /proc/self/ns/net; readlink /proc/self/ns/net
${run} hello true; echo again: $?
${run} -p 8080:80 hello true; echo published: $?
${run} --network pasta hello true; echo asked: $?`,
  );
  const [none, first, outside, ...codes] = result.stdout.trim().split("\n");
  expect([none, codes]).toEqual(["none: 0", ["again: 0", "published: 125", "asked: 125"]]);
  expect(first).toBe(outside as string);
  const notice = "there is no /dev/net/tun here: without --network, containers use the network";
  expect(result.stderr.split(notice)).toHaveLength(2);
  const error = "Error: there is no /dev/net/tun, which a network for ordinary users needs";
  const cure = "Hint: start the surrounding container with --device /dev/net/tun;";
  expect(result.stderr.split(`${error}\n${cure}`)).toHaveLength(3);
});

/** Hides programs of the host's from the outer container. */
const without = (...programs: string[]) =>
  programs.flatMap((program) => ["-v", `/dev/null:/usr/sbin/${program}`]);

test("without nft a bridge's rules are iptables', and without both it is told what to install", async () => {
  await using host = await testHost();
  await outer(host);
  const use = "cooper run --rm --network bridge -p 8080:80 hello ip -o addr show eth0";
  const links = ["-v", "/etc/alternatives:/etc/alternatives:ro"];
  const privileged = ["--privileged", "-e", "STORAGE_DRIVER=vfs", ...links, ...without("nft")];
  const rules = "iptables-save -t nat | grep -c COOPER-";
  const other = await inside(host, privileged, `${use} && ${rules}`);
  expect(other).toMatchObject({ exitCode: 0, stderr: "" });
  expect(other.stdout).toMatch(/ inet 10\..*\n[1-9]/s);
  const neither = [...privileged, ...without("xtables-nft-multi", "xtables-legacy-multi")];
  const result = await inside(host, neither, `${use}; cooper run --rm --network none hello true`);
  expect(result.exitCode).toBe(0);
  expect(result.stderr).toBe("Error: nft is not installed\nHint: apt-get install nftables\n");
});
