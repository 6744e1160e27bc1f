/** ADD of a URL: the file is fetched, and from there copied like any other. */
import { CooperError } from "../../errors.ts";
import type { CopyStep } from "../graph.ts";
import type { BuildSession } from "../session.ts";
import { fetchFile, fileUrl, shownUrl } from "../source/http-file.ts";
import { decodePercent } from "../source/url-text.ts";
import type { CopySource } from "./copy.ts";

/** Fetches all URLs of a step. */
export async function downloadAll(session: BuildSession, step: CopyStep): Promise<CopySource[]> {
  const sources: CopySource[] = [];
  for (const text of step.urls) {
    const url = fileUrl(text);
    const { checksum, destination, unpacks } = step;
    const file = await fetchFile(session, { url, name: nameOf(url, destination), checksum });
    const tree = { root: file.directory, shown: shownUrl(url), ignore: null, isContext: true };
    const path = file.name.replace(/[*?[\\]/g, "\\$&");
    sources.push({ tree, paths: [path], unpacks: unpacks.urls });
  }
  return sources;
}

/** The last part of the path, which a destination that is a directory needs. */
function nameOf(url: URL, destination: string): string {
  const name = decodePercent(url.pathname.split("/").at(-1) ?? "");
  const isUsable = name !== "" && name !== "." && name !== ".." && !/[/\0]/.test(name);
  if (isUsable && name.length <= 255) return name;
  if (!destination.endsWith("/")) return "file";
  throw new CooperError("invalid-argument", `cannot determine filename for source ${url.host}`, {
    hint: "give the file a name: a destination that does not end with /",
  });
}
