/** What another Cooper is told besides, when it is the client: our own values, which Docker's fields hold only in part. */
import { shownName } from "./docker/names.ts";
import type { HttpRequest } from "./http/connection.ts";

/** Whether a Cooper asks. */
export const isOurs = ({ headers }: Pick<HttpRequest, "headers">): boolean =>
  /^Cooper\//.test(headers.get("user-agent") ?? "");

/** The field that holds it; nothing for others. */
export function own(
  request: Pick<HttpRequest, "headers">,
  value: () => unknown,
): { readonly Cooper?: unknown } {
  return isOurs(request) ? { Cooper: value() } : {};
}

/** Names of images for who asks: whole ones for a Cooper, and Docker's for all others. */
export const shownTo = (request: Pick<HttpRequest, "headers">): ((name: string) => string) =>
  isOurs(request) ? (name) => name : shownName;
