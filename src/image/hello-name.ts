/** The name of the built-in image: apart from its bytes, since every pull asks whether it is meant. */
import { parseName, withDefaultTag } from "../oci/reference.ts";

/** Under `localhost`, where no registry's name is: a `hello` of Docker Hub is docker.io/library/hello. */
export const helloName = "localhost/hello:latest";

/** Whether a name that the store does not know means the built-in image. */
export function isHello(name: string): boolean {
  const { registry, repository, tag, digest } = withDefaultTag(parseName(name));
  return (
    (registry === null || registry === "localhost") &&
    repository === "hello" &&
    tag === "latest" &&
    digest === null
  );
}
