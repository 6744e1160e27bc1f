/** Handler of events. */
import { eventDocument } from "../docker/event.ts";
import type { Reply } from "../http/reply.ts";
import { own } from "../ours.ts";
import { filtersOf, momentOf } from "../query.ts";
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
  return sequence(
    (async function* () {
      for await (const event of found)
        yield { ...eventDocument(event, version), ...own(request, () => event) };
    })(),
    version < 52 ? null : wantedType(request.headers.get("accept") ?? "", version),
  );
};

/** A form of a sequence of documents, and what stands before each. */
const forms: Readonly<Record<string, { readonly since: number; readonly mark: string }>> = {
  "application/x-ndjson": { since: 52, mark: "" },
  "application/json-seq": { since: 52, mark: "\x1e" }, // RFC 7464
  "application/jsonl": { since: 53, mark: "" },
};

/** The first form that the client takes; null: none of them, and it gets what there always was. */
function wantedType(accept: string, version: number): string | null {
  const taken = accept.split(",").map((part) => part.split(";", 1)[0]?.trim() ?? "");
  return taken.find((type) => (forms[type]?.since ?? Number.POSITIVE_INFINITY) <= version) ?? null;
}

function sequence(documents: AsyncIterable<unknown>, type: string | null): Reply {
  const mark = type === null ? "" : (forms[type]?.mark ?? "");
  const end = type === null ? "\r\n" : "\n";
  return {
    status: 200,
    headers: { "Content-Type": type ?? "application/json" },
    body: (async function* () {
      for await (const document of documents) yield `${mark}${JSON.stringify(document)}${end}`;
    })(),
  };
}
