import { expect, test } from "bun:test";
import { CooperError, errnoName, exitStatus, httpStatus } from "./errors.ts";

test("every code has an exit status and an HTTP status of a failure", () => {
  expect(Object.keys(exitStatus).sort()).toEqual(Object.keys(httpStatus).sort());
  for (const status of Object.values(httpStatus)) expect(status).toBeGreaterThanOrEqual(400);
  for (const status of Object.values(exitStatus)) expect(status).toBeGreaterThan(0);
});

test("errnoName() tells system errors from others", () => {
  expect(errnoName(Object.assign(new Error("x"), { code: "ENOENT" }))).toBe("ENOENT");
  expect(errnoName(new CooperError("conflict", "x"))).toBeUndefined();
  expect(errnoName("ENOENT")).toBeUndefined();
});
