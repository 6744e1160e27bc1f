/** Contexts that are somewhere else: the caller typed their addresses, so that what is his goes there. */
import { join } from "node:path";
import type { BuildSession } from "../session.ts";
import { decodePercent } from "../source/url-text.ts";

/** Fetches a repository. Resolves to the directory with its files. */
export async function openRepository(
  session: BuildSession,
  text: string,
  keepsGitDir: boolean,
  told: (line: string) => void,
  isMain = false,
): Promise<string> {
  const { parseGitAddress } = await import("../source/git-address.ts");
  const { fetchRepository } = await import("../source/repository.ts");
  const address = parseGitAddress(text);
  if (isMain) session.ownHost = address.remote.host;
  const keeps = address.keepsGitDir ?? keepsGitDir;
  const wanted = { address, keepsGitDir: keeps, isOwn: true };
  const tree = await fetchRepository(session, wanted, told);
  return session.directories(tree)[0] ?? "";
}

/** Fetches a file. @param name that it gets; null: the address's last part */
export async function openWebFile(
  session: BuildSession,
  text: string,
  name: string | null,
): Promise<{ readonly directory: string; readonly file: string; readonly contentType: string }> {
  const { fetchFile, fileUrl } = await import("../source/http-file.ts");
  const url = fileUrl(text);
  const last = decodePercent(url.pathname.split("/").at(-1) ?? "");
  const own = last === "" || /^\.\.?$|[/\0]/.test(last) || last.length > 255 ? "context" : last;
  const fetched = await fetchFile(session, { url, name: name ?? own, checksum: null });
  const { directory, contentType } = fetched;
  return { directory, file: join(directory, fetched.name), contentType };
}
