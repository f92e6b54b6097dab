// Cuepoint's page: playing moments, the timeline, and what the browser must do by itself. No library, no network.
(() => {
  "use strict";
  const cuepoint = (window.cuepoint = window.cuepoint || {});
  const STEP_S = 5;
  const POSTER_AGAIN_MS = 1000;
  const HELD_MS = 2500;
  const INSIDE_S = 0.05; // seeking lands on a frame: aim a little inside the moment, not at its very edge
  let shown = null; // the video in the player, "" for none, null before the page has drawn itself
  let pending = parseCue(location.hash); // a moment to play once its video is there

  const stage = () => document.querySelector(".stage");
  const video = () => document.querySelector("#player video");
  const timeline = () => document.querySelector("#timeline .timeline");

  function parseCue(link) {
    const match = /#cue=([\w-]+),([\d.]+),([\d.]+)$/.exec(link || "");
    return match ? { id: match[1], start: Number(match[2]), end: Number(match[3]) } : null;
  }

  function clock(seconds) {
    const whole = Math.max(0, Math.floor(seconds));
    const two = (number) => String(number).padStart(2, "0");
    const [h, m, s] = [Math.floor(whole / 3600), Math.floor(whole / 60) % 60, whole % 60];
    return h ? `${h}:${two(m)}:${two(s)}` : `${m}:${two(s)}`;
  }

  // What the server should take for shown: the player's video; before that, the one in the address.
  cuepoint.shown = () =>
    shown !== null ? shown : (pending && pending.id) || new URLSearchParams(location.search).get("v") || "";

  // -- playing moments ------------------------------------------------------------------------------------------
  function play(cue) {
    const player = video();
    if (stage()?.dataset.video !== cue.id || !player) {
      pending = cue;
      if (stage()?.dataset.video !== cue.id) cuepoint.act?.("play", cue.id);
      return;
    }
    pending = null;
    const seek = () => {
      player.currentTime = cue.start + Math.min(INSIDE_S, Math.max(0, cue.end - cue.start) / 2);
      player.play().catch(() => {}); // a browser may refuse to start by itself: the moment is shown all the same
    };
    if (player.readyState >= 1) seek();
    else player.addEventListener("loadedmetadata", seek, { once: true });
    player.scrollIntoView({ block: "nearest", behavior: "smooth" });
  }

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.('a[href*="#cue="]');
    const cue = link && parseCue(link.getAttribute("href"));
    if (!cue || event.ctrlKey || event.metaKey) return;
    event.preventDefault();
    event.stopPropagation();
    play(cue);
  }, true);

  document.addEventListener("click", (event) => {
    const place = event.target.closest?.("[data-jump]")?.dataset.jump;
    if (place) document.getElementById(place)?.scrollIntoView({ behavior: "smooth" });
  });

  // -- the timeline -----------------------------------------------------------------------------------------------
  function timeAt(line, x) {
    const box = line.getBoundingClientRect();
    return Math.min(1, Math.max(0, (x - box.left) / box.width)) * Number(line.dataset.duration);
  }

  function seekTo(seconds) {
    const player = video();
    if (player) player.currentTime = Math.min(Math.max(0, seconds), Number(timeline()?.dataset.duration) || seconds);
    sync();
  }

  document.addEventListener("click", (event) => {
    const plot = event.target.closest?.(".curve-plot");
    if (plot) seekTo(timeAt(plot, event.clientX));
  });

  let dragging = false;
  document.addEventListener("pointerdown", (event) => {
    const line = event.target.closest?.(".timeline");
    if (!line || event.button) return;
    dragging = true;
    line.focus({ preventScroll: true });
    seekTo(timeAt(line, event.clientX));
    event.preventDefault();
  });
  document.addEventListener("pointermove", (event) => {
    const line = dragging ? timeline() : event.target.closest?.(".timeline");
    if (!line) return;
    if (dragging) seekTo(timeAt(line, event.clientX));
    const hover = line.querySelector(".hover-time");
    hover.textContent = clock(timeAt(line, event.clientX));
    hover.style.left = `${(100 * timeAt(line, event.clientX)) / Number(line.dataset.duration)}%`;
  });
  for (const end of ["pointerup", "pointercancel"]) document.addEventListener(end, () => (dragging = false));

  document.addEventListener("keydown", (event) => {
    const line = event.target.closest?.(".timeline");
    const player = video();
    if (!line || !player) return;
    const duration = Number(line.dataset.duration);
    const jumps = {
      ArrowLeft: player.currentTime - STEP_S, ArrowDown: player.currentTime - STEP_S,
      ArrowRight: player.currentTime + STEP_S, ArrowUp: player.currentTime + STEP_S,
      PageDown: player.currentTime - duration / 10, PageUp: player.currentTime + duration / 10, Home: 0, End: duration,
    };
    if (event.key in jumps) seekTo(jumps[event.key]);
    else if (event.key === " " || event.key === "Enter") player.paused ? player.play().catch(() => {}) : player.pause();
    else return;
    event.preventDefault();
  });

  // -- keeping the page in step with the player: a redraw by the server resets what is set here ---------------------
  function sync() {
    const now = stage()?.dataset.video;
    if (now !== undefined && (now !== shown)) arrived(now);
    const player = video();
    const line = timeline();
    if (!player || !line) return;
    const time = player.currentTime;
    const share = `${Math.min(100, (100 * time) / Number(line.dataset.duration))}%`;
    line.querySelector(".playhead").style.left = share;
    line.querySelector(".played").style.width = share;
    if (line.getAttribute("aria-valuetext") !== clock(time)) {
      line.setAttribute("aria-valuenow", time.toFixed(1));
      line.setAttribute("aria-valuetext", clock(time));
    }
    showPoster(player);
    if (line.dataset.speaks === "yes") addSubtitles(player);
    follow(time);
    nameMessages();
    showQuestion();
    if (pending && pending.id === now) play(pending);
  }

  // The first still comes a little after the copy that is played: until then it is asked for again and again.
  function showPoster(player) {
    const address = player.dataset.poster;
    if (!address || player.poster || player.dataset.asking) return;
    player.dataset.asking = "yes";
    const still = new Image();
    still.onload = () => (player.poster = address);
    still.onerror = () => setTimeout(() => delete player.dataset.asking, POSTER_AGAIN_MS);
    still.src = address;
  }

  function arrived(id) {
    if (shown === null && id === "" && cuepoint.shown()) return; // not drawn yet: keep the address
    shown = id;
    const address = new URL(location.href);
    if (id) address.searchParams.set("v", id);
    else address.searchParams.delete("v");
    if (!pending) address.hash = "";
    history.replaceState(history.state, "", address);
  }

  function addSubtitles(player) {
    const source = player.dataset.subtitles;
    const there = player.querySelector("track");
    if (there?.getAttribute("src") === source) return;
    there?.remove();
    const track = document.createElement("track");
    Object.assign(track, { kind: "captions", src: source, label: player.dataset.subtitlesLabel });
    track.setAttribute("src", source);
    player.append(track);
  }

  function follow(time) {
    for (const row of document.querySelectorAll(".lines .line.now")) {
      if (time < Number(row.dataset.start) || time >= Number(row.dataset.end)) row.classList.remove("now");
    }
    for (const list of document.querySelectorAll(".lines")) {
      if (!list.offsetParent) continue; // in a tab that is not open
      const row = [...list.querySelectorAll(".line")].find((r) => time >= Number(r.dataset.start) && time < Number(r.dataset.end));
      if (!row || row.classList.contains("now")) continue;
      row.classList.add("now");
      if (!video()?.paused && !list.matches(":hover, :focus-within")) {
        list.scrollTo({ top: row.offsetTop - list.clientHeight / 3, behavior: "smooth" });
      }
    }
  }

  for (const event of ["timeupdate", "seeked", "loadedmetadata"]) document.addEventListener(event, sync, true);
  setInterval(sync, 250);

  // On a phone the chat is part of the long page: a question that was just asked comes to its top, its answer beneath it.
  const onPhone = matchMedia("(max-width: 780px)");
  let questions = 0;
  let heldUntil = 0; // while the answer comes, the page around the question changes its length
  function showQuestion() {
    const asked = document.querySelectorAll("#chatbot .asked");
    const typing = document.activeElement?.closest?.("#question, #starter");
    if (asked.length > questions && typing && onPhone.matches) heldUntil = Date.now() + HELD_MS;
    questions = asked.length;
    if (Date.now() < heldUntil) asked[asked.length - 1]?.scrollIntoView({ block: "start" });
  }
  for (const event of ["wheel", "touchmove", "keydown"]) document.addEventListener(event, () => (heldUntil = 0), { passive: true });

  // The chatbot names a message by its source, tags and all: give screen readers the words instead.
  function nameMessages() {
    for (const message of document.querySelectorAll('#chatbot [data-testid][aria-label*="<"]')) message.removeAttribute("aria-label");
  }

  // -- asking before something is deleted ----------------------------------------------------------------------------
  cuepoint.confirmed = (button, go) => {
    const { confirm: question, yes, no } = button.dataset;
    if (!question) return go();
    const dialog = document.createElement("dialog");
    dialog.className = "sure";
    const words = document.createElement("p");
    words.textContent = question;
    const choices = document.createElement("div");
    for (const [label, value] of [[no, ""], [yes, "yes"]]) {
      const choice = document.createElement("button");
      choice.textContent = label;
      choice.className = value ? "danger" : "plain";
      choice.addEventListener("click", () => dialog.close(value));
      choices.append(choice);
    }
    dialog.append(words, choices);
    dialog.addEventListener("close", () => {
      dialog.remove();
      if (dialog.returnValue === "yes") go();
    });
    (document.querySelector(".gradio-container") || document.body).append(dialog);
    dialog.showModal();
  };

  // -- files dropped anywhere on the page are uploads -------------------------------------------------------------------
  const carriesFiles = (event) => [...(event.dataTransfer?.types || [])].includes("Files");
  for (const name of ["dragenter", "dragover"]) {
    document.addEventListener(name, (event) => {
      if (!carriesFiles(event)) return;
      event.preventDefault();
      document.body.classList.add("dropping");
    });
  }
  document.addEventListener("dragleave", (event) => {
    if (!event.relatedTarget) document.body.classList.remove("dropping");
  });
  document.addEventListener("drop", (event) => {
    document.body.classList.remove("dropping");
    if (!carriesFiles(event) || event.target.closest?.("#upload, #find-picture")) return;
    event.preventDefault();
    const input = document.querySelector('#upload input[type="file"]');
    if (!input) return;
    input.files = event.dataTransfer.files;
    input.dispatchEvent(new Event("change", { bubbles: true }));
  });
})();
