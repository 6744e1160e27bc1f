/**
 * Names are looked up without a pause while containers come and go: COOPER_LOOKUPS of them (a million), of root's
 * network and of an ordinary user's. No answer may be one that was not true at some moment since it was asked.
 */
import { expect, test } from "bun:test";
import { resolve } from "node:path";
import { type TestHost, testHost, users } from "../e2e/host.ts";
import type { Allowed, Report } from "./asker.ts";

const count = Number(process.env.COOPER_LOOKUPS ?? 1_000_000);
const full = (name: string) => `${name}.dns.podman`;
const sleeper = ["hello", "sleep", "100000"];

/** Asks from within a container, in a process of its own. */
class Asker {
  private readonly child: Bun.Subprocess<"pipe", "pipe", "inherit">;
  private readonly lines: AsyncIterator<string>;
  /** Once it is there, all has been asked. */
  report: Report | undefined;

  constructor(pid: string, server: string) {
    const words = [process.execPath, resolve(import.meta.dir, "asker.ts"), server, `${count}`];
    this.child = Bun.spawn(["nsenter", `--net=/proc/${pid}/ns/net`, "--", ...words], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    this.lines = linesOf(this.child.stdout);
  }

  /** From now on, and for what is under way, these answers are right as well, or instead. */
  async allow(answers: Allowed): Promise<void> {
    if (this.report !== undefined) return;
    try {
      this.child.stdin.write(`${JSON.stringify(answers)}\n`);
      await this.child.stdin.flush();
    } catch (error) {
      // it may have ended just now, having asked all: then its report is the next line
      if ((error as { code?: string }).code !== "EPIPE") throw error;
    }
    const { value = "" } = await this.lines.next();
    const said = JSON.parse(value) as Partial<Report>;
    if (said.answers !== undefined) this.report = said as Report;
  }
}

async function* linesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<string> {
  let rest = "";
  const decoder = new TextDecoder();
  for await (const chunk of stream) {
    const lines = (rest + decoder.decode(chunk, { stream: true })).split("\n");
    rest = lines.pop() ?? "";
    yield* lines;
  }
}

const addressOf = (host: TestHost, name: string) =>
  host.must("inspect", "-f", "{{.NetworkSettings.Networks.net.IPAddress}}", name);

test.each(users.map((user) => ({ user, who: user?.name ?? "the caller" })))(
  "a network of $who never gives a wrong answer",
  async ({ user }) => {
    await using host = await testHost(user, { networks: true });
    await host.must("network", "create", "net");
    const inNet = (name: string, ...more: string[]) => [
      ...["--network", "net", "--name", name, "--network-alias", `${name}-alias`],
      ...more,
      ...sleeper,
    ];
    const stay: Record<string, string[]> = {};
    for (const name of ["stay1", "stay2", "stay3"]) {
      await host.must("run", "-d", ...inNet(name));
      const address = await addressOf(host, name);
      stay[full(name)] = [address];
      stay[full(`${name}-alias`)] = [address];
    }
    const server = await host.must(
      "network",
      "inspect",
      "-f",
      "{{(index .subnets 0).gateway}}",
      "net",
    );
    const come = ["come1", "come2", "come3", "come4"];
    for (const name of come) await host.must("create", ...inNet(name));
    const each = (name: string, answers: string[]): Allowed => ({
      [full(name)]: answers,
      [full(`${name}-alias`)]: answers,
    });
    const asker = new Asker(await host.must("inspect", "-f", "{{.State.Pid}}", "stay1"), server);
    await asker.allow(Object.assign({ ...stay }, ...come.map((name) => each(name, [""]))));
    let changes = 0;
    for (let at = 0; asker.report === undefined; at++) {
      const name = come[at % come.length] ?? "";
      if (Math.floor(at / come.length) % 2 === 0) {
        await asker.allow(each(name, ["", "*"]));
        await host.must("start", name);
        await asker.allow(each(name, [await addressOf(host, name)]));
      } else {
        await asker.allow(each(name, ["", await addressOf(host, name)]));
        await host.must("stop", "-t", "0", name);
        await asker.allow(each(name, [""]));
      }
      changes++;
    }
    const { wrong, ...figures } = asker.report;
    console.warn(`${changes} containers came or went: ${JSON.stringify(figures)}`);
    expect(wrong).toEqual([]);
    expect(figures).toMatchObject({ wrongCount: 0, lost: 0 });
  },
  1_200_000,
);
