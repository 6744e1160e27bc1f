/** A body of `POST /libpod/containers/NAME/update`: limits of the OCI runtime spec at its top, and what newer clients add. Pure. */
import { applyOption } from "../../container/options/apply.ts";
import { type ContainerSpec, emptySpec } from "../../container/spec.ts";
import { CooperError } from "../../errors.ts";
import { Document } from "../document.ts";
import { applyRows } from "../spec-rows.ts";
import { limitRows } from "./spec-limits.ts";

/** What newer clients send for devices: lists of paths and rates. */
const deviceLists = [
  ["DeviceReadBPs", "throttleReadBpsDevice"],
  ["DeviceWriteBPs", "throttleWriteBpsDevice"],
  ["DeviceReadIOPs", "throttleReadIOPSDevice"],
  ["DeviceWriteIOPs", "throttleWriteIOPSDevice"],
] as const;

/** @param restart what the query says; without a policy it stays as it is */
export function updateSpec(
  body: Document,
  restart: { readonly policy: string; readonly tries: number },
): ContainerSpec {
  const spec = emptySpec();
  for (const name of body.names())
    if (/^health|^no_?healthcheck/i.test(name) && body.value(name))
      throw new CooperError(
        "not-supported",
        "health checks cannot be changed: make the container anew",
      );
  const whole = body.names().map((name) => [name, body.value(name)] as const);
  const fields: Record<string, unknown> = Object.fromEntries(whole);
  const rates = deviceLists.map(([list, map]) => [
    map,
    Object.fromEntries(
      body.documents(list).map((one) => [one.string("path"), { rate: one.number("rate") ?? 0 }]),
    ),
  ]);
  const weights = Object.fromEntries(
    body
      .documents("BlkIOWeightDevice")
      .map((one) => [one.string("path"), { weight: one.number("weight") ?? 0 }]),
  );
  applyRows(
    spec,
    limitRows,
    new Document({
      weightDevice: weights,
      ...fields,
      ...Object.fromEntries(rates.filter(([map]) => !(String(map).toLowerCase() in fields))),
      resource_limits: fields,
    }),
  );
  for (const pair of body.strings("Env")) applyOption(spec, "--env", pair, "Env");
  for (const name of body.strings("UnsetEnv")) applyOption(spec, "--unsetenv", name, "UnsetEnv");
  if (restart.policy !== "") {
    const text = restart.tries > 0 ? `${restart.policy}:${restart.tries}` : restart.policy;
    applyOption(spec, "--restart", text, "restartPolicy");
  }
  return spec;
}
