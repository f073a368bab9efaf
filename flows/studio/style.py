"""How the page looks: Gradio's own parts with the system's fonts, so that nothing is fetched from elsewhere."""

import gradio as gr

from flows.studio.painting import REGION_COLOURS

TITLE = "SegTalker studio"
_FONTS = ("system-ui", "-apple-system", "Segoe UI", "Roboto", "Helvetica Neue", "Arial", "sans-serif")
_MONO_FONTS = ("ui-monospace", "SFMono-Regular", "Menlo", "Consolas", "monospace")

CSS = """
.gradio-container { width: 100% !important; max-width: 1360px !important; margin: 0 auto !important;
  overflow: clip !important; }
.studio-head h1 { font-size: 1.5rem; font-weight: 650; letter-spacing: -.01em; margin: 0; }
.studio-head p { margin: .15rem 0 0; color: var(--body-text-color-subdued); }
.studio-step h2 { font-size: 1.05rem; font-weight: 620; margin: .5rem 0 0; }
.studio-step b { display: inline-grid; place-items: center; width: 1.6em; height: 1.6em; margin-right: .5em;
  border-radius: 50%; font-size: .82em; color: #fff; background: var(--primary-700); }
.studio-note p, .studio-caption p { margin: 0; font-size: .9rem; color: var(--body-text-color-subdued); }
.studio-caption, .studio-note { padding: 0 .2rem; }
.studio-people .grid-wrap { height: auto !important; max-height: none; min-height: 0; padding: .2rem; }
.studio-people .grid-container { display: flex; flex-wrap: wrap; gap: .5rem; padding: 0; }
.studio-people .thumbnail-lg, .studio-people .gallery-item, .studio-people .grid-container button {
  width: 84px; height: 84px; aspect-ratio: 1; flex: none; }
.studio-say { display: inline-flex !important; align-self: stretch; align-items: center; justify-content: center;
  border-radius: 0 !important; }
#speech .audio-container, #speech .upload-container { height: auto; min-height: 0; }
#speech .upload-container .wrap { min-height: 92px; height: 92px; font-size: .9rem; line-height: 1.3; }
#speech .upload-container .icon-wrap { display: none; }
.studio-preview img { object-fit: contain; }
.studio-preview img { background: repeating-conic-gradient(#8883 0 25%, transparent 0 50%) 0 0/20px 20px; }
.gradio-container button[role="tab"].selected { color: var(--primary-700); }
.dark .gradio-container button[role="tab"].selected, .gradio-container.dark button[role="tab"].selected {
  color: var(--primary-300); }
.gradio-container :focus-visible { outline: 2px solid var(--primary-600); outline-offset: 2px; }
.studio-editor { touch-action: none; }
@media (min-width: 900px) {
  /* fixed shares: the editor measures its width once */
  .studio-page { display: grid !important; grid-template-columns: minmax(0, 6fr) minmax(0, 5fr); align-items: start; }
  .studio-result { position: sticky !important; top: 1rem; align-self: flex-start !important; }
}
@media (max-width: 899px) {
  /* one column in which the preview stays in sight below the face that was chosen */
  .studio-page { flex-direction: column; flex-wrap: nowrap; }
  .studio-page > .studio-steps, .studio-page > .studio-result { display: contents; }
  .studio-face { order: -2; flex-grow: 0 !important; }
  #preview { order: -1; position: sticky; top: 0; z-index: 20; height: 30vh !important; min-height: 180px; }
  #preview .image-container, #preview .image-frame, #preview img { height: 100% !important; max-height: 100%; }
  #note { order: -1; }
  #editor { height: min(600px, 98vw) !important; }
}
@media (max-width: 600px) {
  .gradio-container main { padding: .6rem !important; }
  .studio-head h1 { font-size: 1.25rem; }
  .gradio-container button[role="tab"] { padding: .4rem .45rem; font-size: .88rem; }
}
"""


def _region_rules() -> str:
    """A chip of the region's colour beside its name wherever regions are chosen."""
    rules = [
        ".studio-regions label > span::before { content: ''; display: inline-block; width: .8em; height: .8em;"
        " margin-right: .45em; border-radius: .2em; vertical-align: -.05em;"
        " box-shadow: 0 0 0 1px rgb(128 128 128 / .5); }"
    ]
    for number, colour in enumerate(REGION_COLOURS.values(), start=1):
        rules.append(f".studio-regions label:nth-of-type({number}) > span::before {{ background: {colour}; }}")
    return "\n".join(rules)


def page_css() -> str:
    """The page's own rules."""
    return CSS + _region_rules()


def theme() -> gr.themes.Base:
    """Gradio's own theme with the system's fonts."""
    return gr.themes.Default(
        primary_hue="teal",
        secondary_hue="teal",
        neutral_hue="slate",
        radius_size="lg",
        font=[gr.themes.Font(name) for name in _FONTS],
        font_mono=[gr.themes.Font(name) for name in _MONO_FONTS],
    ).set(
        body_text_color_subdued="*neutral_600",  # contrast 7.6 on white; Gradio's 2.6
        body_text_color_subdued_dark="*neutral_400",
        # white on teal 700 has a contrast of 5.5, on Gradio's 500 of 2.5
        button_primary_background_fill="*primary_700",
        button_primary_background_fill_hover="*primary_800",
        button_primary_background_fill_dark="*primary_700",
        button_primary_background_fill_hover_dark="*primary_600",
        button_primary_text_color="white",
        checkbox_background_color_selected="*primary_700",
        checkbox_border_color_selected="*primary_700",
        slider_color="*primary_600",
    )
