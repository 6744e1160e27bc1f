import { expect, test } from "bun:test";
import type { ContainerRecord } from "./record.ts";
import { restartDelayMs, startsOnBoot, wantsRestart } from "./restart-policy.ts";

type Facts = Partial<Omit<ContainerRecord, "spec">> & {
  readonly policy: ContainerRecord["spec"]["restart"]["policy"];
  readonly maxRetries?: number;
};

const record = ({ policy, maxRetries = 0, ...facts }: Facts) =>
  ({
    intent: "stopped",
    startedAt: 1,
    exitCode: 0,
    restartCount: 0,
    stoppedBy: "nobody",
    spec: { restart: { policy, maxRetries } },
    ...facts,
  }) as ContainerRecord;

test.each([
  { facts: { policy: "no", exitCode: 1 }, wanted: false },
  { facts: { policy: "always" }, wanted: true },
  { facts: { policy: "always", stoppedBy: "user" }, wanted: false },
  { facts: { policy: "always", stoppedBy: "machine" }, wanted: false },
  { facts: { policy: "always", intent: "running" }, wanted: false },
  { facts: { policy: "unless-stopped" }, wanted: true },
  { facts: { policy: "on-failure" }, wanted: false },
  { facts: { policy: "on-failure", exitCode: 3, restartCount: 99 }, wanted: true },
  { facts: { policy: "on-failure", exitCode: 3, maxRetries: 2, restartCount: 1 }, wanted: true },
  { facts: { policy: "on-failure", exitCode: 3, maxRetries: 2, restartCount: 2 }, wanted: false },
] as const)("wantsRestart($facts) is $wanted", ({ facts, wanted }) => {
  expect(wantsRestart(record(facts))).toBe(wanted);
});

test.each([
  { facts: { policy: "no" }, starts: false },
  { facts: { policy: "on-failure", exitCode: 3 }, starts: false },
  { facts: { policy: "always" }, starts: true },
  { facts: { policy: "always", stoppedBy: "user" }, starts: true },
  { facts: { policy: "always", startedAt: 0 }, starts: false },
  { facts: { policy: "unless-stopped" }, starts: true },
  { facts: { policy: "unless-stopped", stoppedBy: "machine" }, starts: true },
  { facts: { policy: "unless-stopped", stoppedBy: "user" }, starts: false },
] as const)("startsOnBoot($facts) is $starts", ({ facts, starts }) => {
  expect(startsOnBoot(record(facts))).toBe(starts);
});

test("restartDelayMs() doubles up to a minute", () => {
  expect([0, 1, 2, 9, 10, 40].map(restartDelayMs)).toEqual([100, 200, 400, 51_200, 60_000, 60_000]);
});
