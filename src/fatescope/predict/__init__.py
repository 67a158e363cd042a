"""From images and a model to labels: any size, bounded memory, the same bits every time.

A workflow makes the calls that `predict_nuclei` makes for a caller who wants arrays:

1. ``predictor = open_predictor(settings.model, precision=settings.precision)``: the network of a
   package, or the built-in model ``classical``. Once for a run; ``.name``, ``.sha256``.
2. ``frames, findings = open_frames(image, channel=settings.channel, predictor=predictor)``: one
   lazy `Frame` for each T, with one `Plane` for each Z. Where no channel was given, the model
   chooses among those that look like its training images; that is a finding.
3. ``plan = choose_scale(frames, predictor, settings)``: one `ScalePlan` for the image: working
   pixels per input pixel and where that comes from; ``plan.finding(file)`` is the finding
   ``scaled``, or ``no-nuclei`` where no size has evidence, and then nothing is segmented;
   ``check_modality(frames, plan, predictor, file=...)`` says whether the image is unlike the
   training images. ``count_tiles(frames, plan, predictor)``
   is the work to come.
4. For each frame ``labels = segment_frame(frame, predictor, plan, settings, scratch=scratch)``:
   `FrameLabels` with ``n``, ``shape`` (``(Y, X)`` or ``(Z, Y, X)``), ``dtype``, ``scores``
   (float32, one for each label 1..n) and blocks: ``labels[rows, columns]`` or
   ``labels[z, rows, columns]`` with slices, ``labels.blocks(label_tiles(labels.shape))`` for a
   writer, ``labels.array()`` for the whole. ``labels.close()`` frees the scratch. What is odd
   about the pixels `fatescope.acquire.check_pixels` says in the end.

``scratch`` decides where what does not fit into memory waits: `MemoryScratch` here, a file beside
the output in `fatescope.engine`. Nothing about execution (threads, memory, scratch, ``part_px``)
changes a bit of the result: the tile grid depends on the image and the model alone, and
everything after the network is exact for any division of the plane (docs/how-it-works.md).
"""

import lazy_loader

__getattr__, __dir__, __all__ = lazy_loader.attach_stub(__name__, __file__)
