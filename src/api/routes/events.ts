/** Handler of events. */
import { parseMoment } from "../../moment.ts";
import { eventDocument } from "../docker/event.ts";
import { jsonLines } from "../http/reply.ts";
import { filtersOf } from "../query.ts";
import type { Handler } from "../route.ts";

export const events: Handler = async ({ engine, request, version }) => {
  const { query, signal } = request;
  const since = momentOf(query.get("since"));
  const until = momentOf(query.get("until"));
  const isPast = until !== null && until <= Date.now();
  const found = await engine.events({
    filters: filtersOf(query),
    since: (since ?? (isPast ? 0 : Date.now())) * 1000,
    until: until === null ? null : until * 1000,
    follows: !isPast,
    signal,
  });
  return jsonLines(
    (async function* () {
      for await (const event of found) yield eventDocument(event, version);
    })(),
  );
};

/** Seconds since 1970 with a fraction, or a time; "" and 0 are none. */
function momentOf(text: string | null): number | null {
  if (text === null || text === "" || text === "0") return null;
  return /^\d+(\.\d+)?$/.test(text) ? Number(text) * 1000 : parseMoment(text);
}
