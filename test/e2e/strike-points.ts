/** Where strace strikes at a command: a kind of call, and how many of them go by before. */
import { expect } from "bun:test";
import { appendFileSync } from "node:fs";
import type { TestHost } from "./host.ts";

export interface Point {
  readonly call: string;
  readonly nth: number;
  readonly fault: "kill" | "full";
}

/** 1, 1 + step, … up to the count. */
export const upTo = (count: number, step = 1) =>
  Array.from({ length: Math.ceil(count / step) }, (_, index) => 1 + index * step);

/** All points of some kinds of call. */
export const points = (
  fault: Point["fault"],
  kinds: readonly [call: string, nths: number[]][],
): Point[] => kinds.flatMap(([call, nths]) => nths.map((nth) => ({ call, nth, fault })));

/** Whether every point is wanted (COOPER_CRASH_POINTS=all). */
export const strikesAll = () => process.env.COOPER_CRASH_POINTS === "all";

/** A few, spread over all kinds, unless every one is wanted. */
export const chosenOf = (all: readonly Point[], step: number, offset: number): readonly Point[] =>
  strikesAll() ? all : all.filter((_, index) => index % step === offset % step);

/** Notes a point that was met in the file that COOPER_CRASH_TALLY names. */
export function tally(line: string): void {
  const file = process.env.COOPER_CRASH_TALLY;
  if (file !== undefined) appendFileSync(file, `${line}\n`);
}

/** Runs a command that is struck there. */
export async function strike(
  host: TestHost,
  { call, nth, fault }: Point,
  argv: readonly string[],
): Promise<void> {
  const what = fault === "kill" ? `signal=KILL:when=${nth}` : `error=ENOSPC:when=${nth}+`;
  const { hasStruck, wasEnded } = await host.injected(call, what, ...argv);
  expect(wasEnded).toBe(false);
  if (hasStruck) tally(`${fault} ${argv[0]} ${call} ${nth}`);
}
