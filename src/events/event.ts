/** What happened to an object, in one plain value: a line of the journal of events. */

/** Kinds of objects, as `--filter type=` names them. */
export const eventTypes = [
  "container",
  "image",
  "volume",
  "network",
  "secret",
  "pod",
  "system",
] as const;
export type EventType = (typeof eventTypes)[number];

/** One thing that happened. `action` is Docker's word (`die`, `destroy`); Podman's is derived. */
export interface EngineEvent {
  /** Microseconds since 1970. */
  readonly timeMicroseconds: number;
  readonly type: EventType;
  readonly action: string;
  /** Whole id of the object, or its name where that is its identity (volumes). */
  readonly id: string;
  readonly name: string;
  /** Containers: the name of the image. */
  readonly image: string;
  /** Labels, and what belongs to the action: `exitCode`, `signal`, `execID`, `oldName`. */
  readonly attributes: Readonly<Record<string, string>>;
}

/** What a verb knows of an event; the time is the journal's. */
export type NewEvent = Pick<EngineEvent, "type" | "action" | "id" | "name"> &
  Partial<Pick<EngineEvent, "image" | "attributes">>;

/** Docker's word for an action, and Podman's (podman-events(1)), where they differ. */
const spellings: readonly (readonly [type: EventType, docker: string, podman: string])[] = [
  ["container", "die", "died"],
  ["container", "destroy", "remove"],
  ["container", "exec_start", "exec"],
  ["container", "exec_die", "exec_died"],
  ["image", "delete", "remove"],
  ["volume", "destroy", "remove"],
  ["network", "destroy", "remove"],
];

/** The action as `podman events` calls it. */
export function podmanAction({ type, action }: Pick<EngineEvent, "type" | "action">): string {
  if (action.startsWith("health_status:")) return "health_status";
  return spellings.find(([of, docker]) => of === type && docker === action)?.[2] ?? action;
}

/** Whether `word` names the action, in either spelling. */
export function isAction(event: Pick<EngineEvent, "type" | "action">, word: string): boolean {
  return event.action === word || podmanAction(event) === word;
}

/** Readers bound a line by this, so writers do: what a stranger labelled is dropped before what happened. */
const maxLineBytes = 32 << 10;

/** A line of the journal, with its newline. */
export function formatEvent(event: EngineEvent): string {
  const line = `${JSON.stringify(event)}\n`;
  if (line.length <= maxLineBytes) return line;
  const kept = Object.entries(event.attributes).filter(([key]) => ownAttributes.has(key));
  return `${JSON.stringify({ ...event, attributes: Object.fromEntries(kept) })}\n`;
}

/** An event as an entry of systemd's journal, in the words of podman-events(1). */
export function journalFields(event: EngineEvent): Record<string, string> {
  const { type, id, name, image, attributes, timeMicroseconds } = event;
  const action = podmanAction(event);
  const { exitCode, ...rest } = attributes;
  return {
    MESSAGE: `${type} ${action} ${id}${name === "" || name === id ? "" : ` (${name})`}`,
    PRIORITY: "6",
    SYSLOG_IDENTIFIER: "cooper",
    PODMAN_EVENT: action,
    PODMAN_TYPE: type,
    PODMAN_TIME: new Date(timeMicroseconds / 1000).toISOString(),
    PODMAN_ID: id,
    PODMAN_NAME: name,
    ...(image !== "" && { PODMAN_IMAGE: image }),
    ...(exitCode !== undefined && { PODMAN_EXIT_CODE: exitCode }),
    ...(Object.keys(rest).length > 0 && { PODMAN_LABELS: JSON.stringify(rest) }),
  };
}

/** Attributes that events have besides labels. */
const ownAttributes = new Set(["exitCode", "signal", "execID", "oldName", "image", "name"]);

/** The event of a line; undefined for what is none: a line half written when the power failed. */
export function parseEvent(line: string): EngineEvent | undefined {
  let value: unknown;
  try {
    value = JSON.parse(line);
  } catch {
    return undefined;
  }
  if (typeof value !== "object" || value === null) return undefined;
  const { timeMicroseconds, type, action, id, name, image, attributes } = value as Record<
    string,
    unknown
  >;
  const isWhole =
    typeof timeMicroseconds === "number" &&
    eventTypes.some((known) => known === type) &&
    [action, id, name, image].every((text) => typeof text === "string") &&
    typeof attributes === "object" &&
    attributes !== null;
  return isWhole ? (value as EngineEvent) : undefined;
}
