/** What is built in the measurements. */
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

/** Twelve steps, one of which copies the files of a context. */
export const steps = `FROM localhost/bench
ENV A=1
WORKDIR /app
COPY f /app/f
RUN echo 1 > 1
RUN echo 2 > 2
RUN echo 3 > 3
RUN echo 4 > 4
RUN echo 5 > 5
COPY Dockerfile /x
RUN echo 6 > 6
RUN echo 7 > 7
CMD ["sh"]
`;

/** Makes a context of as many files below a directory; its path. */
export function makeContext(
  directory: string,
  name: string,
  dockerfile: string,
  files: number,
  directories: number,
): string {
  const place = join(directory, name);
  for (let at = 0; at < directories; at++) {
    mkdirSync(join(place, `f/${at}`), { recursive: true });
    for (let file = 0; file < files / directories; file++)
      writeFileSync(join(place, `f/${at}/${file}`), `${name} ${at} ${file}\n`.repeat(20));
  }
  mkdirSync(place, { recursive: true });
  writeFileSync(join(place, "Dockerfile"), dockerfile);
  return place;
}
