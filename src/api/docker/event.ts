/** Events as Docker sends them. Pure. */
import type { EngineEvent } from "../../events/event.ts";
import { imageId, shownName } from "./names.ts";

/** A line of `/events`. */
export function eventDocument(event: EngineEvent, version: number): Record<string, unknown> {
  const { type, action, name, image, attributes, timeMicroseconds } = event;
  const isOfContainer = type === "container";
  const id = type === "image" ? imageId(event.id.replace(/^sha256:/, "")) : event.id;
  const shownImage = shownName(image);
  return {
    ...(version < 52 &&
      (isOfContainer || type === "image") && {
        status: action,
        id,
        ...(isOfContainer && { from: shownImage }),
      }),
    Type: type,
    Action: action,
    Actor: {
      ID: id,
      Attributes: {
        ...attributes,
        ...(isOfContainer && { image: shownImage }),
        name: type === "image" ? shownName(name) : name,
      },
    },
    scope: "local",
    time: Math.floor(timeMicroseconds / 1_000_000),
    timeNano: timeMicroseconds * 1000,
  };
}
