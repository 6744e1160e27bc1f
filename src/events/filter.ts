/** Which events a reader wants: `--filter KEY=VALUE` of docker-events(1) and podman-events(1). */
import { type FilterTests, filterBy, hasPair } from "../filter.ts";
import { type EngineEvent, eventTypes, isAction } from "./event.ts";

const tests: FilterTests<EngineEvent> = {
  event: isAction,
  status: isAction,
  type: ({ type }, value) => type === value,
  label: ({ attributes }, value) => hasPair(attributes, value),
  image: (event, value) =>
    event.type === "image"
      ? isNamed(event, value) || isImageName(event.name, value)
      : isImageName(event.image, value),
  name: ({ name }, value) => name === value,
  scope: (_, value) => value === "local",
  ...Object.fromEntries(
    eventTypes
      .filter((type) => type !== "image" && type !== "system")
      .map((type) => [
        type,
        (event: EngineEvent, value: string) => event.type === type && isNamed(event, value),
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

/** @throws CooperError invalid-argument */
export function eventFilter(filters: readonly string[]): (event: EngineEvent) => boolean {
  return filterBy(filters, tests);
}
