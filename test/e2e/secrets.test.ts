/** Secrets reach the container that they were given to, and nothing else. */
import { describe, expect, test } from "bun:test";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { type TestHost, testHost, users } from "./host.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));
const hush = "hush-4711";

async function keep(
  host: TestHost,
  name: string,
  text: string,
  ...options: string[]
): Promise<string> {
  const file = join(host.place("files"), name);
  writeFileSync(file, text);
  return host.must("secret", "create", ...options, name, file);
}

describe.each(everybody)("secrets as $who", ({ user }) => {
  test("a file with owner and mode, and a variable; exec sees both", async () => {
    await using host = await testHost(user);
    await keep(host, "s", hush);
    const look = "cat /run/secrets/s; stat -c ' %a %u:%g' /other; echo $VARIABLE";
    const uses = [
      "--secret",
      "s",
      "--secret",
      "s,target=/other,uid=7,gid=8,mode=0440",
      "--secret",
      "s,type=env,target=VARIABLE",
    ];
    const run = await host.must("run", "--name", "c", ...uses, "hello", "sh", "-c", look);
    expect(run).toBe(`${hush} 440 7:8\n${hush}`);
    for (const shown of ["inspect c", "events --stream=false", "secret inspect s", "secret ls"])
      expect(await host.must(...shown.split(" "))).not.toContain(hush);
    await host.must("rm", "c");
    expect(Bun.spawnSync(["grep", "-rl", hush, host.root, host.run]).stdout.toString()).toBe("");
  });

  test("names, replacing, removal", async () => {
    await using host = await testHost(user);
    const id = await keep(host, "s", "one", "-l", "k=v");
    expect((await host.cooper("secret", "create", "s", "/etc/hostname")).stderr).toContain(
      "already in use",
    );
    expect(await host.must("secret", "create", "--ignore", "s", "/etc/hostname")).toBe(id);
    await host.must("create", "--name", "c", "--secret", "s", "hello", "cat", "/run/secrets/s");
    expect(await host.must("start", "-a", "c")).toBe("one");
    await keep(host, "s", "two", "--replace");
    expect(await host.must("start", "-a", "c")).toBe("two");
    expect(await host.must("secret", "inspect", "--showsecret", "-f", "{{.SecretData}}", "s")).toBe(
      "two",
    );
    expect(await host.must("secret", "ls", "--format", "{{.Name}} {{.Driver}}")).toBe("s file");
    await host.must("secret", "rm", "s");
    const gone = await host.cooper("start", "-a", "c");
    expect(gone.exitCode).toBe(125);
    expect(gone.stderr).toContain("its secret s is not there");
    expect((await host.cooper("secret", "exists", "s")).exitCode).toBe(1);
    expect((await host.cooper("secret", "rm", "s")).exitCode).toBe(125);
    expect((await host.cooper("secret", "rm", "-i", "s")).exitCode).toBe(0);
  });

  test("the shell driver keeps it where it is told", async () => {
    await using host = await testHost(user);
    const place = host.place("outside");
    const at = `${place}/$SECRET_ID`;
    const options = [`store=cat > ${at}`, `lookup=cat ${at}`, `delete=rm ${at}`].flatMap((pair) => [
      "--driver-opts",
      pair,
    ]);
    const id = await keep(host, "s", hush, "-d", "shell", ...options);
    expect(await host.must("run", "--rm", "--secret", "s", "hello", "cat", "/run/secrets/s")).toBe(
      hush,
    );
    await host.must("secret", "rm", id.slice(0, 8));
    expect(Bun.spawnSync(["ls", place]).stdout.toString()).toBe("");
  });
});
