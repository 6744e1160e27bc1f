/** Events out of what Docker's API sends: the inverse of `event.ts`. Pure. */
import { type EngineEvent, type EventType, eventTypes } from "../../events/event.ts";
import { type Json, number, object, ownPart, pairs, text } from "./reading.ts";

const typeOf = (value: unknown): EventType => eventTypes.find((one) => one === value) ?? "system";

/** A line of `/events`. */
export function readEvent(document: Json, fullName: (name: string) => string): EngineEvent {
  const own = ownPart(document);
  if (own !== undefined)
    return {
      timeMicroseconds: number(own.timeMicroseconds),
      type: typeOf(own.type),
      action: text(own.action),
      id: text(own.id),
      name: text(own.name),
      image: text(own.image),
      attributes: pairs(own.attributes),
    };
  const actor = object(document.Actor);
  const { image = "", name = "", ...attributes } = pairs(actor.Attributes);
  const type = typeOf(document.Type);
  return {
    timeMicroseconds: Math.floor(number(document.timeNano) / 1000),
    type,
    action: text(document.Action),
    id: text(actor.ID),
    name: type === "image" && name !== "" ? fullName(name) : name,
    image: image === "" ? "" : fullName(image),
    attributes,
  };
}
