/** What flows between a client and its container: bytes, signals, keys. */
import { describe, expect, test } from "bun:test";
import { type TestHost, testHost, users } from "./host.ts";

const everybody = users.map((user) => ({ user, who: user?.name ?? "the caller" }));

/** A line for the shell in which `cooper` stands for the binary on this store. */
function shell(host: TestHost, script: string) {
  const words = host.argv().map((word) => `'${word}'`);
  const argv = ["bash", "-c", `cooper() { ${words.join(" ")} "$@"; }; ${script}`];
  const child = Bun.spawnSync(argv, {
    env: host.environment(),
    cwd: host.place("work"),
    timeout: 50_000,
  });
  return {
    exitCode: child.exitCode,
    stdout: child.stdout.toString(),
    stderr: child.stderr.toString(),
  };
}

async function until(isTrue: () => boolean | Promise<boolean>): Promise<void> {
  for (let wait = 0; wait < 200; wait++) {
    if (await isTrue()) return;
    await Bun.sleep(25);
  }
  throw new Error("it did not come true in five seconds");
}

describe.each(everybody)("streams as $who", ({ user }) => {
  test.each([
    {
      title: "10 MB through a slow reader",
      script: "cooper run --rm hello head -c 10000000 /dev/zero | (sleep 1; wc -c)",
      stdout: "10000000\n",
    },
    {
      title: "10 MB in",
      script: "head -c 10000000 /dev/zero | cooper run -i --rm hello wc -c",
      stdout: "10000000\n",
    },
    {
      title: "10 MB in and out",
      script:
        "head -c 10000000 /dev/urandom > /tmp/ct-in-$$; cooper run -i --rm hello cat < /tmp/ct-in-$$ | cmp - /tmp/ct-in-$$ && echo same; rm /tmp/ct-in-$$",
      stdout: "same\n",
    },
    {
      title: "a reader that goes away ends the run",
      script: "cooper run --rm hello yes | head -n 1",
      stdout: "y\n",
    },
    {
      title: "a reader that goes away: as in a shell, by SIGPIPE",
      script:
        "set -o pipefail; cooper run --rm hello yes | head -n 1; echo $?; cooper ps -aq | wc -l",
      stdout: "y\n141\n0\n",
    },
    {
      title: "a reader that goes away, and a process that wants to end by itself",
      script: `cooper run --rm -v $PWD:/out hello sh -c "trap '' PIPE; trap 'echo ended > /out/mark; exit' TERM; while echo y; do sleep 0.01; done" | head -n 1; cat mark`,
      stdout: "y\nended\n",
    },
    {
      title: "a reader that goes away leaves a container that is to stay",
      script: "cooper run --name c hello yes | head -n 1; cooper inspect -f '{{.State.Status}}' c",
      stdout: "y\nrunning\n",
    },
    {
      title: "a reader of exec that goes away",
      script: "cooper run -d --name c hello sleep 60 >/dev/null; cooper exec c yes | head -n 1",
      stdout: "y\n",
    },
    {
      title: "standard output closed",
      script: "cooper run --rm hello echo lost >&-; echo $?",
      stdout: "0\n",
    },
    {
      title: "standard input closed",
      script: "cooper run --rm -i hello cat <&-; echo $?",
      stdout: "0\n",
    },
    {
      title: "both on one pipe keep their order",
      script: "cooper run --rm hello sh -c 'echo 1; sleep 0.1; echo 2 >&2; sleep 0.1; echo 3' 2>&1",
      stdout: "1\n2\n3\n",
    },
    {
      title: "-a stderr shows nothing else",
      script: "cooper run --rm -a stderr hello sh -c 'echo out; echo err >&2' 2>&1",
      stdout: "err\n",
    },
    {
      title: "a line without its end, in the log too",
      script: "cooper run --name c hello printf no-end; cooper logs c",
      stdout: "no-endno-end",
    },
  ])("$title", async ({ script, stdout }) => {
    await using host = await testHost(user);
    expect(shell(host, script).stdout).toBe(stdout);
  });

  test("all bytes pass unchanged", async () => {
    await using host = await testHost(user);
    const script = 'i=0; while [ $i -lt 256 ]; do printf "\\\\$(printf %03o $i)"; i=$((i+1)); done';
    const child = host.start({}, "run", "--rm", "hello", "sh", "-c", script);
    const bytes = new Uint8Array(await new Response(child.stdout).arrayBuffer());
    expect([...bytes]).toEqual(Array.from({ length: 256 }, (_, index) => index));
  });

  test("keys of a terminal: Ctrl-C interrupts the container's process", async () => {
    await using host = await testHost(user);
    const script = "trap 'echo caught; exit 7' INT; echo ready; while :; do sleep 0.1; done";
    const child = host.start({ tty: true }, "run", "--rm", "-it", "hello", "sh", "-c", script);
    const output = readAll(child.stdout);
    await until(() => output.text.includes("ready"));
    const input = child.stdin as Bun.FileSink;
    input.write("\x03");
    await input.flush();
    expect(await child.exited).toBe(7);
    expect(output.text).toContain("caught");
  });

  test("detach keys leave it running, and a second attach goes on", async () => {
    await using host = await testHost(user);
    const child = host.start(
      { tty: true },
      "run",
      "-it",
      "--name",
      "c",
      "--detach-keys",
      "ctrl-a,x",
      "hello",
      "cat",
    );
    const input = child.stdin as Bun.FileSink;
    await until(async () => (await host.cooper("ps", "-q")).stdout !== "");
    input.write("one\n");
    await input.flush();
    await until(async () => (await host.cooper("logs", "c")).stdout.includes("one\r\none"));
    input.write("\x01x");
    await input.flush();
    expect(await child.exited).toBe(0);
    expect(await host.must("ps", "--format", "{{.Names}}")).toBe("c");
  });

  test("a terminal whose input has ended loses no output", async () => {
    await using host = await testHost(user);
    await host.must("run", "-d", "--name", "c", "hello", "sleep", "60");
    const words = host.argv("exec", "-it", "c", "echo", "whole").map((word) => `'${word}'`);
    for (let times = 0; times < 20; times++) {
      const child = Bun.spawnSync(["script", "-qec", words.join(" "), "/dev/null"], {
        env: host.environment(),
        stdin: "ignore",
      });
      expect(child.stdout.toString()).toContain("whole");
    }
  });

  test.each(["within a line", "a line\n"])(
    "input of a pipe to a terminal ends: %j",
    async (text) => {
      await using host = await testHost(user);
      const result = await host.cooperWith({ stdin: text }, "run", "--rm", "-it", "hello", "cat");
      expect(result.exitCode).toBe(0);
      expect(result.stdout).toContain(text.trim());
    },
  );

  test.each(["run --rm -it hello", "exec -it c"])(
    "in %s the terminal has the caller's size",
    async (command) => {
      await using host = await testHost(user);
      await host.must("run", "-d", "--name", "c", "hello", "sleep", "60");
      const words = host.argv(...command.split(" "), "stty", "size").map((word) => `'${word}'`);
      const child = Bun.spawnSync(
        ["script", "-qec", `stty rows 33 cols 77; ${words.join(" ")}`, "/dev/null"],
        { env: host.environment(), stdin: "ignore" },
      );
      expect(child.stdout.toString()).toContain("33 77");
    },
  );

  test.each([
    { signal: "SIGINT", exit: 31 },
    { signal: "SIGHUP", exit: 32 },
    { signal: "SIGUSR1", exit: 33 },
    { signal: "SIGQUIT", exit: 34 },
  ] as const)("$signal is passed on", async ({ signal, exit }) => {
    await using host = await testHost(user);
    const script = `trap 'exit ${exit}' ${signal.slice(3)}; echo ready; while :; do sleep 0.05; done`;
    const child = host.start({}, "run", "--rm", "hello", "sh", "-c", script);
    const output = readAll(child.stdout);
    await until(() => output.text.includes("ready"));
    child.kill(signal);
    expect(await child.exited).toBe(exit);
  });

  test.each([
    { options: ["--rm"], left: "" },
    { options: [], left: "running" },
  ])("the third Ctrl-C ends the client, with $options", async ({ options, left }) => {
    await using host = await testHost(user);
    const script = "trap '' INT; echo ready; sleep 60";
    const argv = ["run", ...options, "--name", "c", "hello", "sh", "-c", script];
    const child = host.start({}, ...argv);
    const output = readAll(child.stdout);
    await until(() => output.text.includes("ready"));
    const ended = child.exited;
    for (let times = 0; times < 3; times++) {
      child.kill("SIGINT");
      await Bun.sleep(400);
    }
    expect(await ended).toBe(130);
    expect(await host.must("ps", "-a", "--format", "{{.State}}")).toBe(left);
  });

  test("--sig-proxy=false: the client ends, the container goes on", async () => {
    await using host = await testHost(user);
    const child = host.start(
      {},
      "run",
      "--sig-proxy=false",
      "--name",
      "c",
      "hello",
      "sh",
      "-c",
      "echo ready; sleep 60",
    );
    const output = readAll(child.stdout);
    await until(() => output.text.includes("ready"));
    child.kill("SIGTERM");
    await child.exited;
    expect(await host.must("inspect", "-f", "{{.State.Status}}", "c")).toBe("running");
  });

  test("a killed client takes nothing with it: logs and exit code are kept", async () => {
    await using host = await testHost(user);
    const child = host.start(
      {},
      "run",
      "--name",
      "c",
      "hello",
      "sh",
      "-c",
      "echo ready; sleep 1; echo later; exit 4",
    );
    const output = readAll(child.stdout);
    await until(() => output.text.includes("ready"));
    child.kill("SIGKILL");
    expect(await host.must("wait", "c")).toBe("4");
    expect(await host.must("logs", "c")).toBe("ready\nlater");
  });

  test("start -ai gives input to a container made before", async () => {
    await using host = await testHost(user);
    await host.must("create", "-i", "--name", "c", "hello", "cat");
    const result = await host.cooperWith({ stdin: "typed" }, "start", "-ai", "c");
    expect(result).toEqual({ exitCode: 0, stdout: "typed", stderr: "" });
  });
});

function readAll(stream: ReadableStream<Uint8Array>): { text: string } {
  const read = { text: "" };
  const decoder = new TextDecoder();
  void (async () => {
    for await (const chunk of stream) read.text += decoder.decode(chunk, { stream: true });
  })();
  return read;
}
