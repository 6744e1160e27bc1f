/** What libpod's API has and Cooper has not: refused in words that say why. */
import { json } from "../../http/reply.ts";
import type { Route } from "../../route.ts";
import { libpodRefused } from "../failure.ts";

const methods = ["GET", "POST", "PUT", "DELETE"] as const;

function absent(message: string, ...paths: readonly string[]): Route[] {
  return paths.flatMap((path) =>
    methods.map((method) => ({
      method,
      path,
      load: async () => async () => libpodRefused(501, message),
    })),
  );
}

const below = (noun: string) => [`/${noun}`, `/${noun}/{rest*}`];

export const refusedRoutes: readonly Route[] = [
  // clients look among pods for whatever they do not find elsewhere
  { method: "GET", path: "/pods/json", load: async () => async () => json([]) },
  ...["exists", "json"].map(
    (what): Route => ({
      method: "GET",
      path: `/pods/{name}/${what}`,
      load:
        async () =>
        async ({ params }) =>
          libpodRefused(
            404,
            `no pod with name or ID ${params.name} found: no such pod`,
            "no such pod",
          ),
    }),
  ),
  ...absent("pods are not available yet", ...below("pods")),
  ...absent(
    "YAML of Kubernetes is not available yet",
    ...below("kube"),
    ...below("play"),
    "/generate/kube",
  ),
  ...absent(
    "units of systemd are not generated: write a Quadlet file, or have the container restarted by its policy",
    "/generate/{name*}/systemd",
  ),
  ...absent("Quadlet files are not available yet", ...below("quadlets")),
  ...absent("artifacts are not available yet", ...below("artifacts")),
];
