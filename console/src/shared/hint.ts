// Hints for what stands on a page a hundred times, where a component each would be too
// many: whatever has data-hint shows that text while it is pointed at or focused, until
// Escape. One pair of listeners and one element serve the whole document.

let bubble: HTMLElement | undefined;
let target: HTMLElement | undefined;

function hide() {
  if (!target) return;
  target.removeAttribute('aria-describedby');
  target = undefined;
  bubble!.hidden = true;
}

function show(at: HTMLElement) {
  if (at === target) return;
  hide();
  if (!at.dataset.hint) return;
  if (!bubble) {
    bubble = document.createElement('div');
    bubble.className = 'hint';
    bubble.id = 'hint';
    bubble.setAttribute('role', 'tooltip');
    document.body.append(bubble);
  }
  target = at;
  at.setAttribute('aria-describedby', bubble.id);
  bubble.textContent = at.dataset.hint;
  bubble.hidden = false;
  const box = at.getBoundingClientRect();
  const own = bubble.getBoundingClientRect();
  const left = Math.min(Math.max(4, box.left + box.width / 2 - own.width / 2), innerWidth - own.width - 4);
  const above = box.top - own.height - 6;
  bubble.style.left = `${left}px`;
  bubble.style.top = `${above >= 4 ? above : box.bottom + 6}px`;
}

const hinted = (e: Event) => (e.target instanceof Element ? e.target.closest<HTMLElement>('[data-hint]') : null);

document.addEventListener('pointerover', (e) => {
  if (e.pointerType === 'touch') return;
  const at = hinted(e);
  if (at) show(at);
  else if (target && target !== document.activeElement) hide();
});
document.addEventListener('focusin', (e) => {
  const at = hinted(e);
  if (at?.matches(':focus-visible')) show(at);
  else hide();
});
document.addEventListener('focusout', hide);
document.addEventListener('scroll', hide, { capture: true, passive: true });
document.addEventListener('keydown', (e) => {
  if (e.key === 'Escape') hide();
}, { capture: true });
