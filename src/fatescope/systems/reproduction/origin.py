"""Whose work a reproduction repeats: where it was described, its code, its data, and its merits."""

from __future__ import annotations

from dataclasses import dataclass

from fatescope.pages.page import Section, Text

_NOTEBOOKS = "Pre-trained%20Models%20(DevLearning)/notebooks"
_CODE = "https://github.com/devoworm/GSoC-2020"
_POSTS = "https://mayukhdeb.github.io/blog/post"


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """Where a published system comes from; ``links`` are (address, words) pairs."""

    work: str
    right: str
    links: tuple[tuple[str, str], ...]

    def section(self) -> Section:
        """Return the section that says so on the page."""
        text = Text(paragraphs=(self.work, self.right), links=self.links)
        return Section(title="Whose work it is", blocks=(text,))


LINEAGE_NAMES = Origin(
    work=(
        "The network, its label and its figures come from the DevoWorm group of the OpenWorm "
        "project: Google Summer of Code 2020, first week of coding. The tables come from the EPIC "
        "project (Murray and others 2012, Genome Research 22:1282)."
    ),
    right=(
        "What was right first: public lineage tables were seen to be training data; more than 700 "
        "names were shortened to a question that the data can answer, with a word that we keep "
        "(compact_cellname); the imbalance was shown and treated; the curves were shown; notebook "
        "and table were given away."
    ),
    links=(
        (f"{_POSTS}/gsoc-2020-june-7/", "The post: the EPIC dataset"),
        (
            f"{_CODE}/blob/18c04efb764b49b49d657e707f16546843bdde4a/{_NOTEBOOKS}/"
            "embryo_analysis/deep_learning_on_metadata.ipynb",
            "The notebook of the reported run (commit 18c04ef)",
        ),
        ("http://epic.gs.washington.edu/", "The data: EPIC"),
    ),
)
NUCLEI = Origin(
    work=(
        "The network, its masks and its notebooks come from the DevoWorm group of the OpenWorm "
        "project: Google Summer of Code 2020. The micrographs are those of the WormImage "
        "collection; the masks were drawn by hand."
    ),
    right=(
        "What was right first: one transform for image and mask, in a dataset class of its own, "
        "when many scripts got it wrong; an encoder trained elsewhere, because labelled images "
        "were few; a drawing tool for masks; model and notebooks given away."
    ),
    links=(
        (f"{_POSTS}/gsoc-2020-may-31/", "The posts: community bonding, week 3 and before"),
        (
            f"{_CODE}/blob/8a3d8fc410a64402854a5771c17aefd10aea5264/{_NOTEBOOKS}/"
            "embryo_segmentation/train_segmentation_model.ipynb",
            "The notebook (commit 8a3d8fc)",
        ),
        ("https://www.wormimage.org/", "The data: WormImage"),
    ),
)
MEMBRANES = Origin(
    work=(
        "The network, its preparation and its notebooks come from the DevoWorm group of the "
        "OpenWorm project: Google Summer of Code 2021, second week of coding. The volumes and "
        "labels are those of 3DMMS (Cao and others 2019, BMC Bioinformatics 20:176)."
    ),
    right=(
        "What was right first: lossless labels in place of JPEG, with the reason; one transform "
        "for image and mask; tuning that was automatic and reported with its numbers; the old "
        "network shown beside the new one on the same images; data, model and notebooks given away."
    ),
    links=(
        (
            "https://github.com/Mainakdeb/GSoC-2021/tree/main/cell-membrane-segmentation",
            "The code of 2021: preparation and training",
        ),
        (
            "https://figshare.com/articles/dataset/Dataset_for_MMS/7781777",
            "The data: 3DMMS",
        ),
    ),
)
MOVIES = Origin(
    work=(
        "The cleaning of movies and tables, the counting network and the plots come from the "
        "DevoWorm group of the OpenWorm project: Google Summer of Code 2020, June and July. Movies "
        "and tables come from the EPIC project (Murray and others 2012, Genome Research 22:1282)."
    ),
    right=(
        "What was right first: frames and annotations were looked at before a network was trained; "
        "faults were given names (black frames, red lines and patches, cliffs) and shown as "
        "figures; a whole frame was asked for the cells of each lineage at once; the loss of each "
        "frame was plotted; table and notebooks were given away."
    ),
    links=(
        (f"{_POSTS}/gsoc-2020-july-12/", "The post: cleaning up the bridge"),
        (
            f"{_CODE}/tree/028cd2d/{_NOTEBOOKS}/embryo_analysis/video_analysis",
            "The notebooks of the reported run (commit 028cd2d)",
        ),
        ("http://epic.gs.washington.edu/", "The data: EPIC"),
    ),
)
LIVE_DEAD = Origin(
    work=(
        "The assay, its plates, its network and its schedules come from a series of posts of 2024, "
        "Live-Dead Assay; part 4, Training the U-Net Model, has the training that is repeated here."
    ),
    right=(
        "What was right first: labels for death came from dyes and a second plate showed that the "
        "light with the dye kills; precision-recall areas of single classes were looked at, and "
        "with them Adam, which looked good by its loss, was set aside; an own schedule (kicks) was "
        "shown beside those of the library; a film showed true and false pixels while the network "
        "learned; underfitting was named."
    ),
    links=(
        (
            "https://github.com/thirstythurston/thurstonherricks/tree/main/content/projects/"
            "macrophage-assay",
            "The posts: Live-Dead Assay",
        ),
    ),
)
