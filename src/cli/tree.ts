/** The tree of commands: where each stands, and the file that declares it. */
import { buildCommands } from "./build-commands.ts";
import type { CommandEntry } from "./command.ts";
import { as, entry } from "./command-entry.ts";
import { hiddenCommands } from "./hidden-commands.ts";
import { remoteCommands } from "./remote-commands.ts";

const lifecycle = () => import("./commands/lifecycle.ts");
const listing = () => import("./commands/listing.ts");
const images = () => import("./commands/images.ts");
const imageChanges = () => import("./commands/image-changes.ts");
const networks = () => import("./commands/networks.ts");
const secrets = () => import("./commands/secrets.ts");
const snapshots = () => import("./commands/snapshots.ts");
const volumes = () => import("./commands/volumes.ts");
const changes = () => import("./commands/changes.ts");
const mounts = () => import("./commands/mounts.ts");

/** All commands, by noun. */
export const commandTree: readonly CommandEntry[] = [
  entry("auto-update", "", "Make containers anew whose image has changed", async () =>
    as((await import("./commands/auto-update.ts")).autoUpdate),
  ),
  entry("container attach", "attach", "Attach to a running container", async () =>
    as((await import("./commands/attach.ts")).attach),
  ),
  entry("container checkpoint", "", "Freeze containers to the disk", async () =>
    as((await import("./commands/checkpoint.ts")).checkpoint),
  ),
  entry("container clone", "", "Make a container with the settings of another", async () =>
    as((await import("./commands/clone.ts")).clone),
  ),
  entry("container cleanup", "", "Give back what an ended container still holds", async () =>
    as((await lifecycle()).cleanup),
  ),
  entry("container commit", "commit", "Make an image of a container", async () =>
    as((await changes()).commit),
  ),
  entry("container cp", "cp", "Copy files between containers and the host", async () =>
    as((await import("./commands/cp.ts")).cp),
  ),
  entry("container create", "create", "Make a container without starting it", async () =>
    as((await import("./commands/create.ts")).create),
  ),
  entry("container diff", "", "Show what a container changed in its image's files", async () =>
    as((await changes()).containerDiff),
  ),
  entry("container exec", "exec", "Run a process in a running container", async () =>
    as((await import("./commands/exec.ts")).exec),
  ),
  entry("container exists", "", "Tell by the exit status whether a container exists", async () =>
    as((await lifecycle()).exists),
  ),
  entry("container export", "export", "Write a container's files to a tar", async () =>
    as((await changes()).exportContainer),
  ),
  entry("container fork", "fork", "Make a container with another's files and settings", async () =>
    as((await snapshots()).fork),
  ),
  entry("container init", "init", "Prepare containers without running them", async () =>
    as((await lifecycle()).init),
  ),
  entry("container inspect", "", "Show all that is known of containers", async () =>
    as((await import("./commands/inspect.ts")).containerInspect),
  ),
  entry("container kill", "kill", "Send a signal to containers", async () =>
    as((await lifecycle()).kill),
  ),
  entry("container logs", "logs", "Show what containers have printed", async () =>
    as((await import("./commands/logs.ts")).logs),
  ),
  entry("container ls", "ps,container list,container ps", "List containers", async () =>
    as((await listing()).ps),
  ),
  entry("container mount", "mount", "Show the files of containers as directories", async () =>
    as((await mounts()).containerMount),
  ),
  entry("container pause", "pause", "Freeze the processes of containers", async () =>
    as((await lifecycle()).pause),
  ),
  entry("container prune", "", "Remove all containers that do not run", async () =>
    as((await lifecycle()).prune),
  ),
  entry("container port", "port", "Show the published ports of a container", async () =>
    as((await import("./commands/port.ts")).port),
  ),
  entry("container rename", "rename", "Give a container another name", async () =>
    as((await lifecycle()).rename),
  ),
  entry("container restart", "restart", "Stop and start containers", async () =>
    as((await lifecycle()).restart),
  ),
  entry("container restore", "", "Let containers go on from a checkpoint", async () =>
    as((await import("./commands/checkpoint.ts")).restore),
  ),
  entry("container rm", "rm,container remove", "Remove containers", async () =>
    as((await lifecycle()).rm),
  ),
  entry("container rollback", "rollback", "Put a container's files back to a snapshot", async () =>
    as((await snapshots()).rollback),
  ),
  entry("container run", "run", "Run a command in a new container", async () =>
    as((await import("./commands/run.ts")).run),
  ),
  entry("container runlabel", "", "Run the command that a label of an image holds", async () =>
    as((await import("./commands/runlabel.ts")).runlabel),
  ),
  entry("container start", "start", "Start containers", async () =>
    as((await import("./commands/start.ts")).start),
  ),
  entry("container stats", "stats", "Show what containers use", async () =>
    as((await import("./commands/stats.ts")).stats),
  ),
  entry("container stop", "stop", "Stop containers", async () => as((await lifecycle()).stop)),
  entry("container top", "top", "Show the processes of a container", async () =>
    as((await listing()).top),
  ),
  entry("container unmount", "unmount,umount,container umount", "End what mount began", async () =>
    as((await mounts()).containerUnmount),
  ),
  entry("container unpause", "unpause", "Let paused containers go on", async () =>
    as((await lifecycle()).unpause),
  ),
  entry(
    "container update",
    "update",
    "Change limits and the restart policy of containers",
    async () => as((await import("./commands/update.ts")).update),
  ),
  entry(
    "container wait",
    "wait",
    "Wait until containers end, and print their exit codes",
    async () => as((await lifecycle()).wait),
  ),
  entry("diff", "", "Show what a container or an image's last layer changed", async () =>
    as((await changes()).diff),
  ),
  entry("image diff", "", "Show what the last layer of an image changes", async () =>
    as((await changes()).imageDiff),
  ),
  entry("healthcheck run", "", "Check the health of a container now", async () =>
    as((await import("./commands/healthcheck.ts")).run),
  ),
  entry("image exists", "", "Tell by the exit status whether an image exists", async () =>
    as((await images()).exists),
  ),
  entry("image history", "history", "Show how an image was made", async () =>
    as((await images()).history),
  ),
  entry("image import", "import", "Make an image from a tar of a file system", async () =>
    as((await import("./commands/pull.ts")).importImage),
  ),
  entry("image inspect", "", "Show all that is known of images", async () =>
    as((await import("./commands/inspect.ts")).imageInspect),
  ),
  entry("image load", "load", "Load images from an archive or directory", async () =>
    as((await imageChanges()).load),
  ),
  entry("image ls", "images,image list", "List images", async () => as((await images()).ls)),
  entry("image mount", "", "Show the files of images as directories", async () =>
    as((await mounts()).imageMount),
  ),
  entry("image prune", "", "Remove images that nothing uses", async () =>
    as((await imageChanges()).prune),
  ),
  entry("image pull", "pull", "Pull images from a registry or another place", async () =>
    as((await import("./commands/pull.ts")).pull),
  ),
  entry("image push", "push", "Push an image to a registry or another place", async () =>
    as((await import("./commands/push.ts")).push),
  ),
  entry("image rm", "rmi,image remove", "Remove images", async () => as((await imageChanges()).rm)),
  entry("image save", "save", "Write images to an archive or directory", async () =>
    as((await import("./commands/save.ts")).save),
  ),
  entry("image scp", "", "Copy an image to or from another user or machine", async () =>
    as((await import("./commands/scp.ts")).scp),
  ),
  entry("image tag", "tag", "Give an image another name", async () =>
    as((await imageChanges()).tag),
  ),
  entry("image tree", "", "Show the layers of an image", async () => as((await images()).tree)),
  entry("image unmount", "image umount", "End what image mount began", async () =>
    as((await mounts()).imageUnmount),
  ),
  entry("image untag", "untag", "Take names from an image", async () =>
    as((await imageChanges()).untag),
  ),
  entry("inspect", "", "Show all that is known of containers, images or volumes", async () =>
    as((await import("./commands/inspect.ts")).inspect),
  ),
  entry("secret create", "", "Keep a secret", async () => as((await secrets()).create)),
  entry("secret exists", "", "Tell by the exit status whether a secret exists", async () =>
    as((await secrets()).exists),
  ),
  entry("secret inspect", "", "Show all that is known of secrets", async () =>
    as((await secrets()).inspect),
  ),
  entry("secret ls", "secret list", "List secrets", async () => as((await secrets()).ls)),
  entry("secret rm", "secret remove", "Remove secrets", async () => as((await secrets()).rm)),
  entry("snapshot create", "", "Keep the files of a container as they are now", async () =>
    as((await snapshots()).create),
  ),
  entry("snapshot diff", "", "Show what changed since a snapshot", async () =>
    as((await snapshots()).diff),
  ),
  entry("snapshot ls", "snapshot list", "List snapshots", async () => as((await snapshots()).ls)),
  entry("snapshot rm", "snapshot remove", "Remove snapshots", async () =>
    as((await snapshots()).rm),
  ),
  entry(
    "system events",
    "events",
    "Show what happens to containers, images and volumes",
    async () => as((await import("./commands/events.ts")).events),
  ),
  entry("image sign", "", "Sign images in registries", async () =>
    as((await import("./commands/trust.ts")).sign),
  ),
  entry("image trust show", "image trust", "Show which images are accepted", async () =>
    as((await import("./commands/trust.ts")).trustShow),
  ),
  entry("image trust set", "", "Say which images are accepted", async () =>
    as((await import("./commands/trust.ts")).trustSet),
  ),
  entry("system adopt", "", "Take over the images and volumes of Podman or Docker", async () =>
    as((await import("./commands/adopt.ts")).adopt),
  ),
  entry("system check", "", "Find damage in the store, and mend it", async () =>
    as((await import("./commands/system-check.ts")).check),
  ),
  entry(
    "system doctor",
    "",
    "Show what of this machine hinders containers, and what mends it",
    async () => as((await import("./commands/doctor.ts")).doctor),
  ),
  entry("system df", "", "Show what takes how much space", async () =>
    as((await import("./commands/system-df.ts")).df),
  ),
  entry("system prune", "", "Remove everything that nothing uses", async () =>
    as((await import("./commands/system-prune.ts")).prune),
  ),
  entry("system reset", "", "Remove everything", async () =>
    as((await import("./commands/system-check.ts")).reset),
  ),
  entry("system info", "info", "Show the engine and the host", async () =>
    as((await import("./commands/system.ts")).info),
  ),
  entry("unshare", "", "Run a command in the user namespace of rootless containers", async () =>
    as((await import("./commands/system.ts")).unshare),
  ),
  entry("why", "", "Show why a container or command failed, and what mends it", async () =>
    as((await import("./commands/why.ts")).why),
  ),
  entry("version", "", "Show the version", async () =>
    as((await import("./commands/system.ts")).version),
  ),
  entry("network connect", "", "Put a container into a network", async () =>
    as((await networks()).connect),
  ),
  entry("network create", "", "Make a network", async () =>
    as((await import("./commands/network-create.ts")).create),
  ),
  entry("network disconnect", "", "Take a container out of a network", async () =>
    as((await networks()).disconnect),
  ),
  entry("network exists", "", "Tell by the exit status whether a network exists", async () =>
    as((await networks()).exists),
  ),
  entry("network inspect", "", "Show all that is known of networks", async () =>
    as((await import("./commands/inspect.ts")).networkInspect),
  ),
  entry("network ls", "network list", "List networks", async () => as((await networks()).ls)),
  entry("network prune", "", "Remove networks that no container is in", async () =>
    as((await networks()).prune),
  ),
  entry("network reload", "", "Put back what others took from containers", async () =>
    as((await networks()).reload),
  ),
  entry("network rm", "network remove", "Remove networks", async () => as((await networks()).rm)),
  entry("network update", "", "Change the resolvers of a network", async () =>
    as((await networks()).update),
  ),
  entry("volume create", "", "Make a volume", async () => as((await volumes()).create)),
  entry("volume exists", "", "Tell by the exit status whether a volume exists", async () =>
    as((await volumes()).exists),
  ),
  entry("volume export", "", "Write what is in a volume as a tar", async () =>
    as((await import("./commands/volume-contents.ts")).exportVolume),
  ),
  entry("volume import", "", "Add what a tar holds to a volume", async () =>
    as((await import("./commands/volume-contents.ts")).importVolume),
  ),
  entry("volume inspect", "", "Show all that is known of volumes", async () =>
    as((await import("./commands/inspect.ts")).volumeInspect),
  ),
  entry("volume ls", "volume list", "List volumes", async () => as((await volumes()).ls)),
  entry("volume mount", "", "Keep a volume mounted, and print where", async () =>
    as((await volumes()).mount),
  ),
  entry("volume prune", "", "Remove volumes that no container uses", async () =>
    as((await volumes()).prune),
  ),
  entry("volume reload", "", "Bring the list of volumes up to date with plugins", async () =>
    as((await volumes()).reload),
  ),
  entry("volume rm", "volume remove", "Remove volumes", async () => as((await volumes()).rm)),
  entry("volume unmount", "", "Let a volume be unmounted again", async () =>
    as((await volumes()).unmount),
  ),
  entry("manifest add", "", "Add images to a manifest list", async () =>
    as((await import("./commands/manifest.ts")).add),
  ),
  entry("manifest annotate", "", "Change what a manifest list says of an image", async () =>
    as((await import("./commands/manifest.ts")).annotate),
  ),
  entry("manifest create", "", "Make a manifest list", async () =>
    as((await import("./commands/manifest.ts")).create),
  ),
  entry("manifest exists", "", "Tell by the exit status whether a manifest list exists", async () =>
    as((await import("./commands/manifest.ts")).exists),
  ),
  entry("manifest inspect", "", "Show a manifest list, or a manifest at a registry", async () =>
    as((await import("./commands/manifest.ts")).inspect),
  ),
  entry("manifest push", "", "Push a manifest list and its images to a registry", async () =>
    as((await import("./commands/manifest.ts")).push),
  ),
  entry("manifest remove", "", "Take an image out of a manifest list", async () =>
    as((await import("./commands/manifest.ts")).remove),
  ),
  entry("manifest rm", "", "Remove manifest lists", async () =>
    as((await import("./commands/manifest.ts")).rm),
  ),
  entry("image sbom", "", "List the software in an image", async () =>
    as((await import("./commands/sbom.ts")).sbom),
  ),
  entry("image search", "search", "Search registries for images", async () =>
    as((await import("./commands/search.ts")).search),
  ),
  entry("login", "", "Log in to a registry", async () =>
    as((await import("./commands/login.ts")).login),
  ),
  entry("logout", "", "Log out of a registry", async () =>
    as((await import("./commands/login.ts")).logout),
  ),
  entry("completion", "", "Print the completion script for a shell", async () =>
    as((await import("./commands/completion.ts")).completion),
  ),
  ...remoteCommands,
  ...buildCommands,
  ...hiddenCommands,
];

/** What a noun alone says in its help. */
export const groups: Readonly<Record<string, string>> = {
  builder: "Build images",
  buildx: "Build images",
  container: "Work on containers",
  context: "Work on names of other engines",
  healthcheck: "Check the health of containers",
  image: "Work on images",
  manifest: "Work on manifest lists",
  secret: "Work on secrets",
  snapshot: "Work on snapshots of containers",
  system: "Work on the engine",
  network: "Work on networks",
  volume: "Work on volumes",
};

/** Finds the command that the first words name, the longest spelling first. */
export function findCommand(
  words: readonly string[],
): { entry: CommandEntry; name: string; rest: readonly string[] } | undefined {
  for (const count of [3, 2, 1]) {
    if (words.length < count) continue;
    const name = words.slice(0, count).join(" ");
    const found = commandTree.find(({ path, aliases }) => path === name || aliases.includes(name));
    if (found !== undefined) return { entry: found, name, rest: words.slice(count) };
  }
  return undefined;
}
