import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { appendFileSync, existsSync, mkdtempSync, readFileSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import {
  type EngineEvent,
  formatEvent,
  isAction,
  journalFields,
  parseEvent,
  podmanAction,
} from "./event.ts";
import { eventFilter } from "./filter.ts";
import { noJournal, openJournal, type ReadOptions, readJournal } from "./journal.ts";

let directory: string;
let file: string;
beforeEach(() => {
  directory = mkdtempSync("/tmp/ev-");
  file = join(directory, "events", "events.log");
});
afterEach(() => rmSync(directory, { recursive: true, force: true }));

const fails = (error: unknown) => {
  throw error;
};
const journal = (maxBytes = 1 << 20) =>
  openJournal({ file, maxBytes, tellsSystemd: false, onFailure: fails });
const happening = (name: string) =>
  ({ type: "container", action: "start", id: name, name }) as const;

async function names(options: Partial<ReadOptions> = {}): Promise<string[]> {
  const found: string[] = [];
  const read = readJournal(file, { since: null, until: null, follows: false, ...options });
  for await (const event of read) found.push(event.name);
  return found;
}

describe("the journal", () => {
  test("is empty before its first event", async () => {
    expect(await names()).toEqual([]);
  });

  test("keeps events in order, for their owner alone", async () => {
    const { emit } = journal();
    for (const name of ["a", "b", "c"]) emit(happening(name));
    expect(await names()).toEqual(["a", "b", "c"]);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test("keeps two files at most", async () => {
    const { emit } = journal(1000);
    for (let at = 0; at < 100; at++) emit(happening(`n${at}`));
    expect(statSync(file, { throwIfNoEntry: false })?.size ?? 0).toBeLessThan(1000);
    expect(statSync(`${file}.1`).size).toBeLessThan(1300);
    expect((await names()).at(-1)).toBe("n99");
  });

  test("passes over what is no event, and a line that was never finished", async () => {
    journal().emit(happening("a"));
    appendFileSync(file, 'nonsense\n{"type":"container"}\n[]\n');
    journal().emit(happening("b"));
    appendFileSync(file, readFileSync(file, "utf8").slice(0, 20));
    expect(await names()).toEqual(["a", "b"]);
  });

  test("tells only what is between since and until", async () => {
    journal().emit(happening("old"));
    await Bun.sleep(2);
    const between = Date.now() * 1000;
    await Bun.sleep(2);
    journal().emit(happening("new"));
    expect(await names({ since: between })).toEqual(["new"]);
    expect(await names({ until: between })).toEqual(["old"]);
  });

  test("a follower sees what comes, also over the change of files", async () => {
    const stop = new AbortController();
    const found: string[] = [];
    const reading = (async () => {
      const read = readJournal(file, {
        since: null,
        until: null,
        follows: true,
        signal: stop.signal,
      });
      for await (const { name } of read) {
        found.push(name);
        if (name === "n59") stop.abort();
      }
    })();
    const { emit } = journal(2000);
    for (let at = 0; at < 60; at++) {
      emit(happening(`n${at}`));
      // one that falls two files behind cannot see all
      while (found.length <= at) await Bun.sleep(1);
    }
    await reading;
    expect(found).toEqual(Array.from({ length: 60 }, (_, at) => `n${at}`));
  });

  test("does not fail the deed when it cannot be written", () => {
    const failures: unknown[] = [];
    const broken = openJournal({
      file: "/proc/nowhere/events.log",
      maxBytes: 10,
      tellsSystemd: false,
      onFailure: (error) => failures.push(error),
    });
    broken.emit(happening("a"));
    expect(failures).toHaveLength(1);
  });

  test("none keeps nothing", () => {
    noJournal.emit(happening("a"));
    expect(existsSync(file)).toBe(false);
  });
});

test("formatEvent() drops labels that make a line too long, and keeps what happened", () => {
  const line = formatEvent({
    timeMicroseconds: 1,
    type: "container",
    action: "die",
    id: "1",
    name: "a",
    image: "",
    attributes: { huge: "x".repeat(100_000), exitCode: "3" },
  });
  expect(parseEvent(line)?.attributes).toEqual({ exitCode: "3" });
});

test.each([
  ["container", "die", "died"],
  ["container", "start", "start"],
  ["container", "exec_start", "exec"],
  ["image", "delete", "remove"],
  ["volume", "create", "create"],
] as const)("%s %s is Podman's %s", (type, action, podman) => {
  expect(podmanAction({ type, action })).toBe(podman);
  expect(isAction({ type, action }, action)).toBe(true);
  expect(isAction({ type, action }, podman)).toBe(true);
});

describe("eventFilter()", () => {
  const event: EngineEvent = {
    timeMicroseconds: 1,
    type: "container",
    action: "die",
    id: "abcdef0123",
    name: "web",
    image: "localhost/hello:latest",
    attributes: { a: "b", exitCode: "1" },
  };
  test.each([
    [[], true],
    [["event=die"], true],
    [["event=died"], true],
    [["event=start"], false],
    [["event=start", "event=die"], true],
    [["type=container"], true],
    [["type=image"], false],
    [["container=web"], true],
    [["container=abcd"], true],
    [["container=bcd"], false],
    [["image=hello"], true],
    [["image=localhost/hello:latest"], true],
    [["image=ello"], false],
    [["label=a"], true],
    [["label=a=b"], true],
    [["label=a=c"], false],
    [["label=a", "label=c"], false],
    [["volume=web"], false],
    [["type=container", "event=start"], false],
  ] as const)("%p is %p", (filters, expected) => {
    expect(eventFilter([...filters])(event)).toBe(expected);
  });
  test.each(["foo=1", "event", "=x", "constructor=x"])("refuses %s", (filter) => {
    expect(() => eventFilter([filter])).toThrow("filter");
  });
});

test("journalFields() are Podman's", () => {
  const event: EngineEvent = {
    timeMicroseconds: 1_700_000_000_123_000,
    type: "container",
    action: "die",
    id: "abc",
    name: "web",
    image: "localhost/web:1",
    attributes: { exitCode: "3", k: "v\nw" },
  };
  expect(journalFields(event)).toEqual({
    MESSAGE: "container died abc (web)",
    PRIORITY: "6",
    SYSLOG_IDENTIFIER: "cooper",
    PODMAN_EVENT: "died",
    PODMAN_TYPE: "container",
    PODMAN_TIME: "2023-11-14T22:13:20.123Z",
    PODMAN_ID: "abc",
    PODMAN_NAME: "web",
    PODMAN_IMAGE: "localhost/web:1",
    PODMAN_EXIT_CODE: "3",
    PODMAN_LABELS: '{"k":"v\\nw"}',
  });
});
