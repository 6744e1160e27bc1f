/** Attributes of a target's block, as what the target is. Pure. */
import { type CooperError, messageOf } from "../errors.ts";
import { nearest } from "../nearest.ts";
import type { Attribute, Value } from "./hcl/syntax.ts";
import { asBoolean, asList, asObject, asString, entries, isObject } from "./hcl/value.ts";
import { isField, type TargetSpec, targetFields } from "./target.ts";

interface Reading {
  value(attribute: Attribute): Value;
  error(at: number, message: string): CooperError;
}

/** @throws CooperError that shows the place */
export function targetSpec(attributes: readonly Attribute[], reading: Reading): TargetSpec {
  const spec: Record<string, unknown> = {};
  for (const attribute of attributes) {
    const { name, at } = attribute;
    if (!isField(name)) {
      const meant = nearest(name, Object.keys(targetFields));
      throw reading.error(
        at,
        `a target has no ${name}${meant === undefined ? "" : ` (did you mean ${meant}?)`}`,
      );
    }
    const value = reading.value(attribute);
    if (value === null) continue;
    try {
      spec[name] = decoded(targetFields[name].kind, name, value);
    } catch (cause) {
      throw reading.error(at, `${name}: ${messageOf(cause)}`);
    }
  }
  return spec;
}

function decoded(
  kind: (typeof targetFields)[keyof typeof targetFields]["kind"],
  name: string,
  value: Value,
): unknown {
  switch (kind) {
    case "text":
      return asString(value);
    case "switch":
      return name === "pull" && value === "always" ? true : asBoolean(value);
    case "texts":
      return asList(value)
        .filter((one) => one !== null)
        .map(asString);
    case "specs":
      return asList(value)
        .filter((one) => one !== null)
        .map((one) => (isObject(one) ? specText(one) : asString(one)));
    case "map":
      return Object.fromEntries(
        entries(asObject(value)).map(([key, one]) => [
          asString(key),
          one === null ? null : asString(one),
        ]),
      );
  }
}

/** `{ type = "local", dest = "out" }` is `type=local,dest=out`; what has a comma is quoted. */
function specText(value: ReadonlyMap<string, Value>): string {
  return [...value]
    .filter(([, one]) => one !== null)
    .map(([key, one]) => csvField(`${key}=${asString(one)}`))
    .join(",");
}

const csvField = (text: string) => (/[",\n]/.test(text) ? `"${text.replaceAll('"', '""')}"` : text);
