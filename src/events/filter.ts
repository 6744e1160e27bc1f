/** Which events a reader wants: `--filter KEY=VALUE` of docker-events(1) and podman-events(1). */
import { CooperError } from "../errors.ts";
import { type EngineEvent, eventTypes, isAction } from "./event.ts";

type Test = (event: EngineEvent, value: string) => boolean;

const tests: Readonly<Record<string, Test>> = {
  event: isAction,
  status: isAction,
  type: ({ type }, value) => type === value,
  label: ({ attributes }, value) => {
    const equals = value.indexOf("=");
    const key = equals < 0 ? value : value.slice(0, equals);
    return (
      Object.hasOwn(attributes, key) && (equals < 0 || attributes[key] === value.slice(equals + 1))
    );
  },
  image: (event, value) =>
    event.type === "image"
      ? isNamed(event, value) || isImageName(event.name, value)
      : isImageName(event.image, value),
  name: ({ name }, value) => name === value,
  scope: (_, value) => value === "local",
  ...Object.fromEntries(
    eventTypes
      .filter((type) => type !== "image" && type !== "system")
      .map((type): [string, Test] => [
        type,
        (event, value) => event.type === type && isNamed(event, value),
      ]),
  ),
};

/** By name, id, or the beginning of an id. */
const isNamed = ({ id, name }: EngineEvent, value: string) =>
  name === value || (value.length > 1 && id.replace(/^sha256:/, "").startsWith(value));

/** `hello`, `hello:latest` and `localhost/hello:latest` are the same to whoever types them. */
function isImageName(full: string, value: string): boolean {
  const bare = full.replace(/:[^:/]+$/, "");
  return [full, bare].some((name) => name === value || name.endsWith(`/${value}`));
}

/**
 * Values of one key are alternatives, different keys must all hold; of labels all must hold.
 *
 * @throws CooperError invalid-argument for a key that nobody knows
 */
export function eventFilter(filters: readonly string[]): (event: EngineEvent) => boolean {
  const byKey = new Map<string, string[]>();
  for (const filter of filters) {
    const equals = filter.indexOf("=");
    const key = filter.slice(0, Math.max(equals, 0));
    if (!Object.hasOwn(tests, key)) {
      throw new CooperError(
        "invalid-argument",
        equals <= 0
          ? `invalid filter "${filter}": it must be key=value`
          : `unknown filter "${key}"`,
        { hint: Object.keys(tests).join(", ") },
      );
    }
    byKey.set(key, [...(byKey.get(key) ?? []), filter.slice(equals + 1)]);
  }
  return (event) =>
    [...byKey].every(([key, values]) => {
      const test = tests[key] as Test;
      return key === "label"
        ? values.every((value) => test(event, value))
        : values.some((value) => test(event, value));
    });
}
