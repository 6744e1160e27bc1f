import { describe, expect, test } from "bun:test";
import type { ImageConfig } from "../../oci/image-config.ts";
import { emptySpec } from "../spec.ts";
import {
  advanceHealth,
  type HealthCheck,
  type HealthState,
  healthCheckOf,
  initialHealth,
  nextCheckMs,
} from "./state.ts";

const check: HealthCheck = {
  argv: ["true"],
  intervalMs: 1000,
  timeoutMs: 1000,
  startPeriodMs: 0,
  startIntervalMs: 100,
  retries: 2,
  startup: null,
  onFailure: "restart",
  maxLogCount: 3,
  maxLogBytes: 4,
};
const startup = { argv: ["up"], intervalMs: 50, timeoutMs: 10, retries: 2, successes: 2 };
const result = (exitCode: number) => ({ startedAt: 0, endedAt: 0, exitCode, output: "output" });

/** `+` is a success, `-` a failure; uptime grows by 100 ms a check. */
function after(results: string, changes: Partial<HealthCheck> = {}) {
  const its = { ...check, ...changes };
  let state: HealthState = initialHealth(its);
  const actions: string[] = [];
  for (const [at, sign] of [...results].entries()) {
    const next = advanceHealth(its, state, result(sign === "+" ? 0 : 1), (at + 1) * 100);
    state = next.state;
    actions.push(next.action);
  }
  return { state, action: actions.at(-1) };
}

describe("advanceHealth()", () => {
  test.each([
    { results: "", status: "starting", action: undefined },
    { results: "+", status: "healthy", action: "none" },
    { results: "-", status: "starting", action: "none" },
    { results: "--", status: "unhealthy", action: "restart" },
    { results: "---", status: "unhealthy", action: "restart" },
    { results: "-+-", status: "healthy", action: "none" },
    { results: "+--", status: "unhealthy", action: "restart" },
    { results: "--+", status: "healthy", action: "none" },
  ] as const)("$results is $status", ({ results, status, action }) => {
    const got = after(results);
    expect([got.state.status, got.action]).toEqual([status, action]);
  });

  test("failures in the start period do not count, unless it was healthy before", () => {
    expect(after("-----", { startPeriodMs: 550 }).state).toMatchObject({
      status: "starting",
      failingStreak: 0,
    });
    expect(after("-------", { startPeriodMs: 550 }).state.status).toBe("unhealthy");
    expect(after("+--", { startPeriodMs: 550 }).state.status).toBe("unhealthy");
  });

  test("keeps the last results, and the beginning of their output", () => {
    const { log } = after("+++++").state;
    expect(log.map(({ output }) => output)).toEqual(["outp", "outp", "outp"]);
    expect(after("+++++", { maxLogCount: 0, maxLogBytes: 0 }).state.log[4]?.output).toBe("output");
  });

  test("the start-up check comes first, and may start it again", () => {
    expect(after("+", { startup }).state).toMatchObject({ hasStarted: false, status: "starting" });
    expect(after("++", { startup }).state).toMatchObject({ hasStarted: true, status: "starting" });
    expect(after("+++", { startup }).state.status).toBe("healthy");
    expect(after("+-+", { startup }).state.hasStarted).toBe(false);
    expect(after("--", { startup }).action).toBe("restart");
    expect(after("----", { startup: { ...startup, retries: 0 } }).action).toBe("none");
  });
});

test.each([
  { what: "at the start", results: "", changes: {}, uptime: 0, wait: 1000 },
  {
    what: "in the start period",
    results: "",
    changes: { startPeriodMs: 500 },
    uptime: 0,
    wait: 100,
  },
  {
    what: "healthy in the start period",
    results: "+",
    changes: { startPeriodMs: 500 },
    uptime: 100,
    wait: 1000,
  },
  { what: "with a start-up check", results: "", changes: { startup }, uptime: 0, wait: 50 },
  { what: "by hand only", results: "", changes: { intervalMs: 0 }, uptime: 0, wait: null },
])("nextCheckMs() $what is $wait", ({ results, changes, uptime, wait }) => {
  expect(nextCheckMs({ ...check, ...changes }, after(results, changes).state, uptime)).toBe(wait);
});

describe("healthCheckOf()", () => {
  const image = (Healthcheck: object) => ({ config: { Healthcheck } }) as unknown as ImageConfig;
  const own = image({ Test: ["CMD-SHELL", "ok"], Interval: 2e9, Retries: 7, StartInterval: 1e9 });

  test("takes the image's, with Docker's defaults", () => {
    expect(healthCheckOf(emptySpec(), own)).toMatchObject({
      argv: ["/bin/sh", "-c", "ok"],
      intervalMs: 2000,
      timeoutMs: 30_000,
      startPeriodMs: 0,
      startIntervalMs: 1000,
      retries: 7,
      onFailure: "none",
    });
  });

  test("what was asked for stands over the image's", () => {
    const spec = emptySpec();
    spec.health = { ...spec.health, test: ["CMD", "a", "b"], intervalSeconds: 0.5 };
    expect(healthCheckOf(spec, own)).toMatchObject({
      argv: ["a", "b"],
      intervalMs: 500,
      retries: 7,
    });
  });

  test.each([[null], [image({ Test: ["NONE"] })], [image({ Test: [] })], [image({})]])(
    "%p has none",
    (config) => {
      expect(healthCheckOf(emptySpec(), config)).toBeNull();
    },
  );

  test("--no-healthcheck switches the image's off", () => {
    const spec = emptySpec();
    spec.health.test = ["NONE"];
    expect(healthCheckOf(spec, own)).toBeNull();
  });
});
