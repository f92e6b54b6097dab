// Cuepoint's page: comments that fly over the picture at their moment, and dots on the timeline that lead to them.
(() => {
  "use strict";
  const FLIGHT_S = 7; // over the whole picture
  const LANES = 6;
  const JUMP_S = 1.5; // more between two looks at the player is a seek, not playing
  const SHOWN_KEY = "cuepoint-comments";
  let video = ""; // whose comments are held
  let comments = []; // in order of time
  let before = 0; // where the player was
  const busyUntil = new Array(LANES).fill(0);

  const form = () => document.querySelector("#player .bullets");
  const stage = () => document.querySelector("#player .stage");
  const player = () => document.querySelector("#player video");
  const shown = () => localStorage.getItem(SHOWN_KEY) !== "off";
  const address = (id = "") => `media/${video}/comments${id && `/${id}`}`;

  async function ask(path, options) {
    const reply = await fetch(path, options);
    const told = reply.status === 204 ? {} : await reply.json().catch(() => ({}));
    if (!reply.ok) throw new Error(typeof told.detail === "string" ? told.detail : reply.statusText);
    return told;
  }

  const fail = (problem) => window.cuepoint?.prompt({ title: `${form()?.dataset.failed || ""} ${problem.message}` });

  // -- flying ---------------------------------------------------------------------------------------------------------
  function sky() {
    const place = stage();
    let layer = place?.querySelector(".bullet-sky");
    if (place && !layer) {
      layer = document.createElement("div");
      layer.className = "bullet-sky";
      layer.setAttribute("aria-hidden", "true"); // the dots on the timeline say the same
      place.append(layer);
    }
    return layer;
  }

  function fly(comment) {
    const layer = sky();
    if (!layer) return;
    const now = performance.now();
    const free = busyUntil.findIndex((until) => until <= now);
    const lane = free < 0 ? busyUntil.indexOf(Math.min(...busyUntil)) : free;
    busyUntil[lane] = now + (FLIGHT_S * 1000) / 3;
    const bullet = document.createElement("span");
    bullet.className = "bullet";
    bullet.textContent = comment.text;
    bullet.style.top = `${4 + lane * 11}%`;
    bullet.style.animationDuration = `${FLIGHT_S}s`;
    bullet.addEventListener("animationend", () => bullet.remove());
    layer.append(bullet);
  }

  function passed() {
    const now = player();
    if (!now) return;
    const time = now.currentTime;
    if (shown() && !now.paused && time > before && time - before < JUMP_S) {
      comments.filter((c) => c.seconds >= before && c.seconds < time).forEach(fly);
    }
    before = time;
  }

  // -- dots on the timeline ---------------------------------------------------------------------------------------------
  function mark() {
    const line = document.querySelector("#timeline .timeline");
    if (!line || line.dataset.video !== video) return;
    const wanted = JSON.stringify(comments);
    let row = line.querySelector(".bullet-dots");
    if (row?.dataset.of === wanted) return;
    row?.remove();
    row = document.createElement("div");
    row.className = "bullet-dots";
    row.dataset.of = wanted;
    for (const comment of comments) {
      const dot = document.createElement("button");
      dot.className = "bullet-dot";
      dot.style.left = `${(100 * comment.seconds) / Number(line.dataset.duration)}%`;
      dot.title = comment.text;
      dot.setAttribute("aria-label", comment.text);
      dot.addEventListener("pointerdown", (event) => event.stopPropagation());
      dot.addEventListener("click", () => open(comment));
      row.append(dot);
    }
    line.append(row);
  }

  // The moment of a comment, and the comment below the player, where it can be deleted.
  function open(comment) {
    const now = player();
    if (now) now.currentTime = before = comment.seconds;
    const place = form()?.querySelector(".bullet-open");
    if (!place) return;
    place.replaceChildren();
    const words = Object.assign(document.createElement("span"), { textContent: comment.text });
    const remove = Object.assign(document.createElement("button"), { className: "bullet-delete", type: "button" });
    remove.textContent = form().dataset.remove;
    remove.addEventListener("click", async () => {
      try {
        await ask(address(comment.id), { method: "DELETE" });
        comments = comments.filter((c) => c.id !== comment.id);
        place.replaceChildren();
        mark();
      } catch (problem) {
        fail(problem);
      }
    });
    place.append(words, remove);
  }

  // -- writing --------------------------------------------------------------------------------------------------------
  document.addEventListener("submit", async (event) => {
    const written = event.target.closest?.("#player .bullets");
    if (!written) return;
    event.preventDefault();
    const field = written.querySelector("input.bullet-text");
    const text = field.value.trim();
    if (!text) return field.focus();
    try {
      const comment = await ask(address(), {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ seconds: player()?.currentTime || 0, text }),
      });
      field.value = "";
      comments = [...comments, comment].sort((a, b) => a.seconds - b.seconds || a.id - b.id);
      if (shown()) fly(comment);
      mark();
    } catch (problem) {
      fail(problem);
    }
  });

  document.addEventListener("change", (event) => {
    if (!event.target.closest?.("#player .bullet-shown")) return;
    localStorage.setItem(SHOWN_KEY, event.target.checked ? "on" : "off");
    if (!event.target.checked) sky()?.replaceChildren();
  });

  async function arrived(id) {
    video = id;
    [comments, before] = [[], player()?.currentTime || 0];
    if (!id) return;
    try {
      const told = await ask(address());
      if (video === id) comments = told.comments;
    } catch {
      // a video that is gone has none
    }
  }

  // A redraw by the server puts a new form and a new timeline there.
  function sync() {
    const now = stage()?.dataset.video ?? "";
    if (now !== video) arrived(now);
    const box = form()?.querySelector(".bullet-shown input");
    if (box && !box.dataset.ready) [box.checked, box.dataset.ready] = [shown(), "yes"];
    mark();
  }

  document.addEventListener("timeupdate", passed, true);
  setInterval(sync, 300);
})();
