/** `events`: what happens to containers, images, volumes and networks. */
import type { EngineEvent } from "../../events/event.ts";
import { podmanAction } from "../../events/event.ts";
import { parseMoment } from "../../moment.ts";
import { flagSwitch, listOf, string } from "../../option.ts";
import { defineCommand } from "../command.ts";
import { print } from "../output.ts";
import { printable } from "../printable.ts";
import { compileTemplate } from "../template/template.ts";

const time = { ...string, placeholder: "TIME" };

export const events = defineCommand({
  summary: "Show what happens to containers, images and volumes",
  usage: "",
  description:
    "Goes on until it is interrupted, or until --until. With --since, what happened before is shown first.",
  examples: [
    "cooper events --filter container=web",
    "cooper events --since 1h --stream=false --filter event=die",
  ],
  options: {
    filter: {
      flag: "--filter",
      short: "-f",
      type: listOf({ ...string, placeholder: "KEY=VALUE" }),
      help: "Only those that match: container, event, image, label, name, network, type, volume",
    },
    format: {
      flag: "--format",
      type: { ...string, placeholder: "TEMPLATE" },
      help: "json, or a Go template",
    },
    noTrunc: {
      flag: "--no-trunc",
      type: flagSwitch,
      help: "Show whole ids",
      defaultText: "true",
    },
    since: { flag: "--since", type: time, help: "Also what happened since then" },
    stream: {
      flag: "--stream",
      type: flagSwitch,
      help: "Wait for what is to come",
      defaultText: "true",
    },
    until: { flag: "--until", type: time, help: "Only what happens before then" },
  },
  args: { min: 0, max: 0 },
  staysOutside: true,
  async run({ engine, options }) {
    const format = options.format ?? "";
    const show = lineFor(format, options.noTrunc === false);
    const until = options.until === undefined ? null : momentAhead(options.until);
    const isPast = until !== null && until <= Date.now();
    const follows = options.stream !== false && !isPast;
    const readsAll = !follows || isPast;
    const since =
      options.since === undefined ? (readsAll ? null : Date.now()) : parseMoment(options.since);
    const wanted = await engine.events({
      filters: options.filter,
      since: since === null ? null : since * 1000,
      until: until === null ? null : until * 1000,
      follows,
    });
    for await (const event of wanted) print(show(event));
  },
});

/** A duration in --until lies ahead where one in --since lies behind, as with `docker events`. */
function momentAhead(text: string): number {
  const moment = parseMoment(text);
  const isDuration = !/^\d+(\.\d+)?$/.test(text) && !/^\d{4}-/.test(text) && !text.startsWith("-");
  return isDuration ? 2 * Date.now() - moment : moment;
}

function lineFor(format: string, isShort: boolean): (event: EngineEvent) => string {
  if (format === "json") return (event) => `${JSON.stringify(documentOf(event))}\n`;
  if (format !== "") {
    const template = compileTemplate(format.replace(/^table\s+/, ""));
    return (event) => `${template.render(documentOf(event))}\n`;
  }
  return (event) => `${printable(textOf(event, isShort))}\n`;
}

/** `docker events`: time, type, action, id, and attributes in the order of their names. */
function textOf(event: EngineEvent, isShort: boolean): string {
  const attributes = Object.entries(actorAttributes(event))
    .toSorted(([a], [b]) => (a < b ? -1 : 1))
    .map(([key, value]) => `${key}=${value}`);
  const id = isShort ? event.id.replace(/^sha256:/, "").slice(0, 12) : event.id;
  return `${timeText(event)} ${event.type} ${event.action} ${id} (${attributes.join(", ")})`;
}

const actorAttributes = ({ type, image, name, attributes }: EngineEvent) => ({
  ...attributes,
  ...(type === "container" && { image }),
  name,
});

function timeText({ timeMicroseconds }: EngineEvent): string {
  const whole = new Date(Math.floor(timeMicroseconds / 1000)).toISOString();
  const micros = `${Math.floor(timeMicroseconds % 1000)}`.padStart(3, "0");
  return whole.replace("Z", `${micros}000Z`);
}

/** The fields of both peers' documents: theirs differ in the case of their letters. */
function documentOf(event: EngineEvent): Record<string, unknown> {
  const { type, action, id, name, image, attributes, timeMicroseconds } = event;
  const seconds = Math.floor(timeMicroseconds / 1_000_000);
  return {
    status: action,
    id,
    from: image,
    Type: type,
    Action: action,
    Actor: { ID: id, Attributes: actorAttributes(event) },
    scope: "local",
    time: seconds,
    timeNano: timeMicroseconds * 1000,
    ID: id,
    Image: image,
    Name: name,
    Status: podmanAction(event),
    Time: timeText(event),
    Attributes: attributes,
    ...(attributes.exitCode !== undefined && { ContainerExitCode: Number(attributes.exitCode) }),
  };
}
