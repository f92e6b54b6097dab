// Cuepoint's page: moments that look like another, found in the first tab.
(() => {
  "use strict";
  const cuepoint = (window.cuepoint = window.cuepoint || {});

  document.addEventListener("click", (event) => {
    const link = event.target.closest?.("a.more-like");
    const match = link && /#like=([\w-]+),([\d.]+),([\d.]+)$/.exec(link.getAttribute("href"));
    if (!match) return;
    event.preventDefault();
    event.stopPropagation();
    document.querySelector('#tabs button[role="tab"]')?.click();
    document.querySelector("#tabs-area")?.scrollIntoView({ block: "nearest", behavior: "smooth" });
    cuepoint.moreLike?.({ id: match[1], start: Number(match[2]), end: Number(match[3]) });
  }, true);
})();
